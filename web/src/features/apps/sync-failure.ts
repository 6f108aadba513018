/** Why an app could not be synchronised, and what to do about it. */
export interface SyncFailure {
  /** What happened, without a full stop. */
  title: string;
  /** What to do, the likeliest first. */
  advice: readonly string[];
}

const SAME_KEY =
  'Give the app and the server the same signing key: INNGEST_SIGNING_KEY for the app, --signing-key or STEPWELL_SIGNING_KEY for the server.';
const CHECK_PATH = 'Check the path. SDKs serve at /api/inngest unless the app chose another one.';
const LET_THROUGH =
  'Let the server through whatever guards the URL: a login, a firewall, or the protection of previews at the host.';
const LOG_OF_APP = 'Look into the log of the app: it may say more.';
const PRODUCTION = 'Start the app without INNGEST_DEV, so that it runs in production mode.';

/** By the server's codes, and by those of other servers, which apps may report too. */
const FAILURES: Readonly<Record<string, SyncFailure>> = {
  unreachable: {
    title: 'Nothing answers at the URL',
    advice: [
      'Start the app, and check that it listens on this port.',
      CHECK_PATH,
      'In a container, localhost is the container itself. Name the machine instead, such as host.docker.internal.',
    ],
  },
  url_not_found: {
    title: 'The URL answers with 404, not found',
    advice: [CHECK_PATH, 'Check that the app was deployed with its serve handler.'],
  },
  unauthorized: {
    title: 'The URL answers with 401, unauthorised',
    advice: [SAME_KEY, LET_THROUGH],
  },
  forbidden: { title: 'The URL answers with 403, forbidden', advice: [LET_THROUGH] },
  http_method_not_allowed: {
    title: 'The URL answers with 405, method not allowed',
    advice: ['Let the serve handler answer GET, POST and PUT.'],
  },
  internal_server_error: {
    title: 'The app failed with status 500',
    advice: ['Look into the log of the app: it says what failed.'],
  },
  http_bad_request: {
    title: 'The app answered with status 400',
    advice: ['Look into the log of the app: it says what it did not accept.'],
  },
  unsupported_protocol: {
    title: 'The URL cannot be spoken to over HTTP',
    advice: [
      'Use http:// for an app without a certificate, and https:// for one with.',
      'Check the port: another kind of server may listen on it.',
      'Check that the certificate is valid for this host.',
    ],
  },
  missing_signing_key: {
    title: 'The app has no signing key',
    advice: [
      'Set INNGEST_SIGNING_KEY for the app, to the signing key of the server.',
      'On your own machine, set INNGEST_DEV for the app and start the server with stepwell dev.',
    ],
  },
  invalid_signing_key: { title: 'The app refuses the signature of the server', advice: [SAME_KEY] },
  missing_server_signing_key: {
    title: 'The server has no signing key',
    advice: ['Start the server with --signing-key, or set STEPWELL_SIGNING_KEY.'],
  },
  missing_branch_env_name: {
    title: 'The app has the key of a branch environment',
    advice: ['Give the app the signing key of the server, and remove INNGEST_ENV.'],
  },
  no_functions: {
    title: 'The app has no functions',
    advice: ['Pass the functions to the serve handler, then start the app again.'],
  },
  invalid_function: {
    title: 'A function is configured wrongly',
    advice: [
      'Correct what is listed below and start the app again. Until then the functions stay as they were.',
    ],
  },
  sdk_version_denied: {
    title: 'This version of the inngest package has a known security hole',
    advice: ['Upgrade the inngest package of the app to 3.54.0 or later.'],
  },
  response_not_signed: {
    title: 'The answer of the app is not signed',
    advice: [PRODUCTION, SAME_KEY],
  },
  not_sdk: {
    title: 'What answers at the URL is no SDK',
    advice: [CHECK_PATH, 'Check that a proxy in front of the app passes the path on.'],
  },
  server_kind_mismatch: {
    title: 'The app expects another kind of server',
    advice: [
      'For stepwell start, start the app without INNGEST_DEV; for stepwell dev, set INNGEST_DEV.',
    ],
  },
  signing_key_invalid: {
    title: 'The signing key of the app is malformed',
    advice: [
      'Copy the key again. It is made of hexadecimal digits, with or without a prefix such as signkey-prod-.',
    ],
  },
  app_mismatch: {
    title: 'Another app answers at the URL',
    advice: ['Correct the URL, or remove this app if the other one took its place.'],
  },
  app_uninitialized: {
    title: 'The app was never synchronised',
    advice: ['Synchronise it by its URL first.'],
  },
  env_archived: {
    title: 'The environment of the app is archived',
    advice: ['Give the app the signing key of the server, and remove INNGEST_ENV.'],
  },
  batch_size_too_large: {
    title: 'A batch is larger than allowed',
    advice: ['Make the largest size of the batch smaller and start the app again.'],
  },
  host_private: {
    title: 'The app says that it is at a private address',
    advice: [
      'Set the public address in the serve handler, or let the server reach the private one.',
    ],
  },
  too_many_pings: {
    title: 'The app registers too often',
    advice: ['Wait a minute. If it goes on, check that the app does not restart in a loop.'],
  },
  url_invalid: { title: 'This is not a URL', advice: ['Correct the URL of the app.'] },
};

/** Other names of the same failures. */
const ALIASES: Readonly<Record<string, string>> = {
  'No functions registered within your app': 'no_functions',
  "The app's answer to the in-band sync is not signed with the signing key": 'response_not_signed',
  account_mismatch: 'invalid_signing_key',
  env_mismatch: 'invalid_signing_key',
  env_unspecified: 'missing_branch_env_name',
  http_forbidden: 'forbidden',
  http_internal_server_error: 'internal_server_error',
  http_not_found: 'url_not_found',
  http_unauthorized: 'unauthorized',
  http_unreachable: 'unreachable',
  http_unsupported_protocol: 'unsupported_protocol',
  sig_verification_failed: 'invalid_signing_key',
  signing_key_unspecified: 'missing_signing_key',
};

const UNREADABLE = "The app's answer to the in-band sync cannot be read";

/** What an error of an app means. A text that is no code is what the app itself said. */
export function syncFailure(error: string): SyncFailure {
  const known = FAILURES[ALIASES[error] ?? error];
  if (known) return known;
  if (error.startsWith(UNREADABLE)) return { title: error, advice: [CHECK_PATH] };
  return { title: error || 'The app could not be synchronised', advice: [LOG_OF_APP] };
}
