import { print } from '@0no-co/graphql.web';
import type { TadaDocumentNode } from 'gql.tada';
import { serverUrl } from './config';

/** Why a request brought nothing. */
export type Trouble =
  /** The server could not be reached. */
  | 'unreachable'
  /** Somebody has to sign in. */
  | 'unauthorized'
  /** What was asked for does not exist. */
  | 'missing'
  /** The server answered that it cannot do it, now or ever; the message says why. */
  | 'refused';

/**
 * A request that failed. `code` is the server's, such as "expression_invalid"; `details` holds what
 * else it says about the error, such as the position in a query.
 */
export class RequestError extends Error {
  constructor(
    readonly trouble: Trouble,
    message: string,
    readonly code: string = '',
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
    this.name = 'RequestError';
  }
}

interface GraphqlAnswer {
  data?: unknown;
  errors?: { message: string; path?: unknown[]; extensions?: Record<string, unknown> }[];
}

const MISSING = new Set(['not_found', 'run_not_found', 'event_not_found', 'NOT_FOUND']);
/** What fields of the compatible API say instead of a code. */
const NO_ROWS = 'sql: no rows in result set';

/** Asks the server; throws a `RequestError` if the answer has any error. */
export async function request<Result, Variables>(
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
  signal?: AbortSignal,
): Promise<Result> {
  return requestWithText(document, JSON.stringify(variables), signal);
}

/** As `request`, with the variables as the text of a JSON object, which is sent as it is. */
export async function requestWithText<Result, Variables>(
  document: TadaDocumentNode<Result, Variables>,
  variablesText: string,
  signal?: AbortSignal,
): Promise<Result> {
  const body = `{"query":${JSON.stringify(print(document))},"variables":${variablesText}}`;
  const response = await send('v0/gql', body, signal);
  const answer = await readAnswer(response);
  const [error] = answer.errors ?? [];
  if (error) {
    const code = String(error.extensions?.code ?? '');
    const isMissing = MISSING.has(code) || error.message.endsWith(NO_ROWS);
    const trouble = isMissing ? 'missing' : 'refused';
    throw new RequestError(trouble, error.message, code, error.extensions);
  }
  return answer.data as Result;
}

/** Signs in with the operator token; throws a `RequestError` if that is not it. */
export async function signIn(token: string): Promise<void> {
  const response = await send('v0/session', JSON.stringify({ token }));
  if (response.ok) return;
  const text = await response.text();
  const wait = response.headers.get('retry-after');
  if (response.status === 429) {
    throw new RequestError('refused', `Too many attempts. Try again in ${wait ?? '60'} seconds.`);
  }
  throw new RequestError('unauthorized', messageOf(text) || 'The token is not right.');
}

/**
 * Whether this browser is signed in. The page itself may not know: a browser that follows a link from
 * another site asks for it without the cookie.
 */
export async function isSignedIn(): Promise<boolean> {
  try {
    const response = await fetch(serverUrl('v0/session'), { credentials: 'same-origin' });
    const answer = (await response.json()) as { signedIn?: unknown };
    return answer.signedIn === true;
  } catch {
    return false;
  }
}

export async function signOut(): Promise<void> {
  await fetch(serverUrl('v0/session'), { method: 'DELETE', credentials: 'same-origin' });
}

async function send(path: string, body: string, signal?: AbortSignal): Promise<Response> {
  try {
    return await fetch(serverUrl(path), {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'content-type': 'application/json' },
      body,
      signal: signal ?? null,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new RequestError('unreachable', 'The server does not answer.');
  }
}

async function readAnswer(response: Response): Promise<GraphqlAnswer> {
  const text = await response.text();
  if (response.status === 401 || response.status === 403) {
    throw new RequestError('unauthorized', 'Sign in to go on.');
  }
  try {
    const answer = JSON.parse(text) as GraphqlAnswer;
    if (answer.data !== undefined || answer.errors?.length) return answer;
  } catch {
    // Said below: a proxy may have answered, in HTML.
  }
  if (response.status === 502 || response.status === 503 || response.status === 504) {
    throw new RequestError('unreachable', messageOf(text) || 'The server is not ready.');
  }
  throw new RequestError('refused', messageOf(text) || `The server answered ${response.status}.`);
}

/** The message of an error answer in JSON; "" if there is none. */
function messageOf(text: string): string {
  try {
    const answer = JSON.parse(text) as { error?: unknown; message?: unknown };
    const found = answer.error ?? answer.message;
    return typeof found === 'string' ? found : '';
  } catch {
    return '';
  }
}
