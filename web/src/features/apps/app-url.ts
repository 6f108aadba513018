/** A URL of an app as it was typed: what it means, or what is wrong with it. */
export type TypedUrl = { url: string; fault: null } | { url: null; fault: string };

/** Reads what a person typed; `http://` may be left out. */
export function readUrl(typed: string): TypedUrl {
  const text = typed.trim();
  if (text === '') return wrong('Type the URL at which the app serves its functions.');
  if (/\s/.test(text)) return wrong('A URL has no spaces.');
  const full = text.includes('://') ? text : `http://${text}`;
  if (!URL.canParse(full)) {
    return wrong('This is not a URL. It looks like http://localhost:3000/api/inngest.');
  }
  const { protocol, hostname, username } = new URL(full);
  if (protocol !== 'http:' && protocol !== 'https:') {
    return wrong('The server calls apps over http:// or https:// only.');
  }
  if (hostname === '') return wrong('The host is missing, such as localhost.');
  if (username !== '')
    return wrong('Leave user name and password out; they would be shown to all.');
  return { url: full, fault: null };
}

function wrong(fault: string): TypedUrl {
  return { url: null, fault };
}
