/** What a synchronisation changed. */
export interface SyncChanges {
  status: 'SUCCESS' | 'DUPLICATE' | 'ERROR';
  functionsAdded: readonly string[];
  functionsChanged: readonly string[];
  functionsRemoved: readonly string[];
}

/** "2 functions added, 1 changed", or that nothing changed. */
export function changesInWords(sync: SyncChanges): string {
  const counts = [
    [sync.functionsAdded.length, 'added'],
    [sync.functionsChanged.length, 'changed'],
    [sync.functionsRemoved.length, 'removed'],
  ] as const;
  const parts = counts.filter(([count]) => count > 0);
  const [first, ...rest] = parts;
  if (!first)
    return sync.status === 'SUCCESS' ? 'The app changed, its functions did not' : 'Nothing changed';
  const noun = first[0] === 1 ? 'function' : 'functions';
  return [
    `${first[0]} ${noun} ${first[1]}`,
    ...rest.map(([count, verb]) => `${count} ${verb}`),
  ].join(', ');
}
