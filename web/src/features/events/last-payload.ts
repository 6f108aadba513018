import { graphql } from '~/lib/graphql';
import { request } from '~/lib/request';
import { draftOf, emptyDraft } from './draft';

const LastPayloadQuery = graphql(`
  query LastPayload($eventId: ULID!) { eventsByID(eventIDs: [$eventId]) { raw } }
`);

/** What to write for one more event of a type: the newest one of it, else its name without data. */
export async function draftOfType(name: string, lastEventId: string | null): Promise<string> {
  if (!lastEventId) return emptyDraft(name);
  const { eventsByID } = await request(LastPayloadQuery, { eventId: lastEventId });
  const [last] = eventsByID;
  return last ? draftOf(last.raw) : emptyDraft(name);
}
