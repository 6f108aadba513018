import type { ReactNode } from 'react';

/** Names and values (`Fact`), two or more beside each other even where there is little room. */
export function PanelFacts({ children }: { children: ReactNode }) {
  return (
    <dl className="grid grid-cols-[repeat(auto-fill,minmax(9rem,1fr))] gap-x-5 gap-y-3">
      {children}
    </dl>
  );
}
