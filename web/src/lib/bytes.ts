const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size in decimal units: "512 B", "4.1 MB". */
export function formatBytes(bytes: number): string {
  let size = Math.max(0, bytes);
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1_000;
    unit += 1;
  }
  const text = unit > 0 && size < 99.95 ? size.toFixed(1).replace(/\.0$/, '') : size.toFixed(0);
  return `${text} ${UNITS[unit]}`;
}
