const NUMBER = new Intl.NumberFormat();

/** "1 event", "12,345 events", "10,000+ events"; `what` is the word for one. */
export function countInWords(count: number, what: string, isExact = true): string {
  const isOne = count === 1 && isExact;
  return `${NUMBER.format(count)}${isExact ? '' : '+'} ${what}${isOne ? '' : 's'}`;
}
