/** Whether the top of a list is seen and nobody is in the middle of a row: then it may move. */
export function isAtRest(list: HTMLElement | null): boolean {
  if (!list) return true;
  const isFocused = list !== document.activeElement && list.contains(document.activeElement);
  return list.scrollTop < 4 && !isFocused && (window.getSelection()?.isCollapsed ?? true);
}
