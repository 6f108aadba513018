import { vi } from 'vitest';

/** What jsdom lacks: sizes, so that virtual rows are drawn, and media queries. */
export function stubBrowser(): void {
  vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(600);
  vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(900);
  vi.stubGlobal('matchMedia', () => ({ matches: false }));
  Element.prototype.scrollTo = () => {};
}
