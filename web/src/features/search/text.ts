/** The text without lines that say nothing; undefined if no line says anything. */
export function withoutBlankLines(text: string | undefined): string | undefined {
  const lines = (text ?? '').split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.length > 0 ? lines.join('\n') : undefined;
}
