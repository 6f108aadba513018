import { Fragment, useLayoutEffect, useRef, useState } from 'react';
import { cn } from '~/lib/cn';
import { type PartKind, partsOf } from './json-colours';

const COLOURS: Record<PartKind, string> = {
  key: 'text-(--code-key)',
  text: 'text-(--code-text)',
  number: 'text-(--code-number)',
  word: 'text-(--code-word)',
};

interface SimpleTextProps {
  /** The id of the element that names it. */
  labelledBy: string;
  /** Set out already. */
  text: string;
  isJson: boolean;
  isWrapped: boolean;
  className?: string;
  /** Tells whether some of it is outside its box, below. */
  onOverflow: (isOverflowing: boolean) => void;
}

/** A text of moderate size as HTML. It can be scrolled with the keyboard where it does not fit. */
export function SimpleText(props: SimpleTextProps) {
  const { text, isJson, isWrapped, onOverflow } = props;
  const box = useRef<HTMLPreElement>(null);
  const content = useRef<HTMLElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !content.current) return;
    const measure = () => {
      const isTooTall = element.scrollHeight > element.clientHeight + 1;
      setScrolls(isTooTall || element.scrollWidth > element.clientWidth + 1);
      onOverflow(isTooTall);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    observer.observe(content.current);
    return () => observer.disconnect();
  }, [onOverflow]);
  const scrollable = scrolls
    ? { role: 'region', tabIndex: 0, 'aria-labelledby': props.labelledBy }
    : {};
  return (
    <pre
      ref={box}
      {...scrollable}
      className={cn(
        'overflow-auto px-3 py-2 font-mono text-[0.8125rem] leading-5',
        isWrapped && 'whitespace-pre-wrap break-all',
        props.className,
      )}
    >
      <code ref={content} className={isWrapped ? 'block' : 'block w-max'}>
        {isJson ? <Coloured text={text} /> : text}
      </code>
    </pre>
  );
}

function Coloured({ text }: { text: string }) {
  return partsOf(text).map(({ kind, text: part }, index) =>
    kind === null ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts have nothing else to tell them apart
      <Fragment key={index}>{part}</Fragment>
    ) : (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above
      <span key={index} className={COLOURS[kind]}>
        {part}
      </span>
    ),
  );
}
