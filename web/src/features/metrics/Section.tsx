import { ChevronDown, ChevronRight } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { isBoolean, useRemembered } from '~/lib/storage';

interface SectionProps {
  /** What its state is remembered under. */
  name: string;
  title: string;
  children: ReactNode;
}

/** A part of the page that can be folded away; this browser remembers it. */
export function Section({ name, title, children }: SectionProps) {
  const [isOpen, setOpen] = useRemembered(`metrics.${name}`, true, isBoolean);
  const contentId = useId();
  const Chevron = isOpen ? ChevronDown : ChevronRight;
  return (
    <section>
      <h2>
        <button
          type="button"
          aria-expanded={isOpen}
          aria-controls={contentId}
          className="flex h-8 items-center gap-1.5 rounded-md pr-2 font-semibold text-base hover:text-accent"
          onClick={() => setOpen(!isOpen)}
        >
          <Chevron className="size-4 text-ink-faint" aria-hidden />
          {title}
        </button>
      </h2>
      <div id={contentId} className="mt-2">
        {isOpen && children}
      </div>
    </section>
  );
}
