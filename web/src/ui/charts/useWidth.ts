import { type RefObject, useLayoutEffect, useRef, useState } from 'react';

/** Where elements are not laid out, as in tests. */
const UNKNOWN = 640;

/** The width of an element in whole pixels; 0 until it is known. */
export function useWidth<Tag extends HTMLElement>(): [RefObject<Tag | null>, number] {
  const ref = useRef<Tag>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    setWidth(Math.floor(element.clientWidth) || UNKNOWN);
    if (typeof ResizeObserver === 'undefined') return;
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.floor(entry.contentRect.width));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
