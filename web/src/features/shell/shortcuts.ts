import { useEffect, useRef } from 'react';

/** What a key does, anywhere on the page but in what one types into. */
export interface Shortcut {
  /** `mod+k`, `g r` (one after the other), `?`; `mod` is ⌘ on a Mac and Ctrl elsewhere. */
  keys: string;
  about: string;
  action: () => void;
}

/** How long the second key of a sequence may take. */
const SEQUENCE_MS = 1_000;

export const isMac = /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The keys as people read them: "⌘ K", "g then r". */
export function keysInWords(keys: string): string[] {
  return keys
    .split(/[ +]/)
    .map((key) =>
      key === 'mod'
        ? isMac
          ? '⌘'
          : 'Ctrl'
        : key.length === 1 && keys.includes('+')
          ? key.toUpperCase()
          : key,
    );
}

/** Listens for shortcuts while the component is shown. */
export function useShortcuts(shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    let before = '';
    let beforeAt = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey || event.isComposing) return;
      const pressed = named(event);
      const isTyping = isTypedInto(event.target);
      const sequence =
        event.timeStamp - beforeAt < SEQUENCE_MS && before ? `${before} ${pressed}` : pressed;
      const found =
        latest.current.find(({ keys }) => keys === sequence) ??
        latest.current.find(({ keys }) => keys === pressed);
      before = found ? '' : pressed;
      beforeAt = event.timeStamp;
      // In a text, only what no text needs is a shortcut.
      if (!found || (isTyping && found.keys !== 'mod+k')) return;
      event.preventDefault();
      found.action();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
}

function named(event: KeyboardEvent): string {
  const isMod = isMac ? event.metaKey : event.ctrlKey;
  return isMod ? `mod+${event.key.toLowerCase()}` : event.key;
}

function isTypedInto(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable ||
      target.closest('input, textarea, select, [role="dialog"]') !== null)
  );
}
