import { LoaderCircle } from 'lucide-react';
import type { ComponentProps, ReactNode } from 'react';
import { cn } from '~/lib/cn';

type Kind = 'primary' | 'secondary' | 'ghost' | 'danger';
type Size = 'small' | 'medium';

const BASE =
  'inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md font-medium transition-colors disabled:opacity-50';
const KINDS: Record<Kind, string> = {
  primary: 'bg-accent text-on-accent hover:not-disabled:bg-accent-hover',
  secondary: 'border border-line-strong bg-surface text-ink hover:not-disabled:bg-hover',
  ghost: 'text-ink-soft hover:not-disabled:bg-hover hover:not-disabled:text-ink',
  danger: 'border border-bad-solid bg-bad-soft text-bad-ink hover:not-disabled:border-bad-ink',
};
const SIZES: Record<Size, string> = {
  small: 'h-7 px-2 text-xs [&_svg]:size-3.5',
  medium: 'h-8 px-3 text-sm [&_svg]:size-4',
};

/** The class names of a button, for links that look like one. */
export function buttonClass(kind: Kind = 'secondary', size: Size = 'medium'): string {
  return cn(BASE, KINDS[kind], SIZES[size]);
}

interface ButtonProps extends ComponentProps<'button'> {
  kind?: Kind;
  size?: Size;
  icon?: ReactNode;
  /** Shows that what it began has not ended; it cannot be pressed then. */
  isBusy?: boolean;
}

export function Button(props: ButtonProps) {
  const { kind, size, icon, isBusy = false, disabled, className, children, ...rest } = props;
  return (
    <button
      type="button"
      {...rest}
      disabled={disabled || isBusy}
      aria-busy={isBusy || undefined}
      className={cn(buttonClass(kind, size), className)}
    >
      {isBusy ? <LoaderCircle className="animate-spin" aria-hidden /> : icon}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ComponentProps<'button'>, 'children'> {
  /** What it does; shown when pointed at, and read aloud. */
  label: string;
  icon: ReactNode;
}

export function IconButton({ label, icon, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      title={label}
      aria-label={label}
      {...rest}
      className={cn(
        'inline-flex size-7 shrink-0 items-center justify-center rounded-md text-ink-soft transition-colors hover:not-disabled:bg-hover hover:not-disabled:text-ink disabled:opacity-40 [&_svg]:size-4',
        className,
      )}
    >
      {icon}
    </button>
  );
}
