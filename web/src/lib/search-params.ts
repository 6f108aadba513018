/** What search parameters mean. Every function takes what was parsed and gives undefined for what it cannot use. */

const DURATION = /^[1-9]\d{0,5}[smhdwMy]$/;

/** Text that is not empty; commas that were written plainly are part of it. */
export function text(value: unknown): string | undefined {
  const joined = Array.isArray(value) ? value.join(',') : value;
  const found = unquoted(String(joined ?? ''));
  return found.trim() === '' ? undefined : found;
}

/** The members that `allows` accepts, each once; undefined if there is none. */
export function list<Member extends string>(
  value: unknown,
  allows: (member: string) => member is Member,
): Member[] | undefined {
  const members = [value ?? []].flat().map(String);
  const text = members.join(',');
  const all = fromJson(text) ?? members;
  const found = [...new Set(all)].filter(allows);
  return found.length > 0 ? found : undefined;
}

/** The value if it is one of `options`. */
export function choice<Option extends string>(
  value: unknown,
  options: readonly Option[],
): Option | undefined {
  const found = unquoted(String(value ?? ''));
  return options.find((option) => option === found);
}

/** True or undefined. */
export function flag(value: unknown): true | undefined {
  return unquoted(String(value ?? '')) === 'true' ? true : undefined;
}

/** A length of time such as 30s, 1d, 6M. */
export function duration(value: unknown): string | undefined {
  const found = unquoted(String(value ?? ''));
  return DURATION.test(found) ? found : undefined;
}

/** An instant, as RFC 3339 in UTC. */
export function instant(value: unknown): string | undefined {
  const found = unquoted(String(value ?? ''));
  if (!/^\d{4}-\d\d-\d\d/.test(found)) return undefined;
  const date = new Date(found);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ULID = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/i;

export const isUuid = (text: string): text is string => UUID.test(text);
export const isUlid = (text: string): text is string => ULID.test(text);
export const isAnything = (text: string): text is string => text !== '';

/** A member test for a list of options. */
export function isOneOf<Option extends string>(options: readonly Option[]) {
  return (member: string): member is Option => (options as readonly string[]).includes(member);
}

function fromJson(text: string): string[] | undefined {
  for (let value: unknown = text, depth = 0; depth < 3; depth += 1) {
    if (Array.isArray(value)) return value.map(String);
    if (typeof value !== 'string' || !/^["[]/.test(value)) return undefined;
    try {
      value = JSON.parse(value);
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/** Without the quotes that other dashboards put around text that looks like JSON. */
function unquoted(text: string): string {
  if (!/^".*"$/s.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : text;
  } catch {
    return text;
  }
}
