/** Why a run ended as it did, in words. */

const CANCEL_REASONS: Record<string, string> = {
  api: 'It was cancelled by hand, or by a request to the API.',
  event: 'An event cancelled it, as its function says.',
  start_timeout: 'It did not start within the time that its function allows.',
  finish_timeout: 'It did not finish within the time that its function allows.',
  singleton: 'A newer run took its place: its function has one run at a time.',
  bulk: 'It was part of a bulk cancellation.',
  paused: 'Its function was paused, and running runs were to be cancelled.',
  removed: 'Its function was removed.',
};

const SKIP_REASONS: Record<string, string> = {
  singleton: 'Another run had not ended, and its function has one run at a time.',
  paused: 'Its function was paused.',
  drained: 'Its app was being drained: it starts no new runs.',
};

export function cancelWords(reason: string | null): string {
  return CANCEL_REASONS[reason ?? ''] ?? 'The server does not say why.';
}

export function skipWords(reason: string | null): string {
  return SKIP_REASONS[reason ?? ''] ?? 'The server does not say why.';
}
