import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { graphql } from '~/lib/graphql';
import { keyOf } from '~/lib/queries';
import { request } from '~/lib/request';
import type { SearchSubject } from './cel-completions';
import type { Fault } from './faults';

const CheckSearchQuery = graphql(`
  query CheckSearch($query: String!, $over: SearchSubject!) {
    checkSearch(query: $query, over: $over) { isValid message line column }
  }
`);

/** People are not corrected before they have finished the word. */
const PATIENCE_MS = 500;

/** Says what is wrong with a search while it is written, and before it is begun. */
export function useSearchCheck(
  text: string,
  subject: SearchSubject,
): { fault: Fault | null; checkNow: () => Promise<Fault | null> } {
  const client = useQueryClient();
  const settled = useSettled(text, PATIENCE_MS);
  const optionsFor = (query: string) => ({
    queryKey: keyOf(CheckSearchQuery, { query, over: subject }),
    queryFn: async ({ signal }: { signal: AbortSignal }) => {
      const { checkSearch } = await request(CheckSearchQuery, { query, over: subject }, signal);
      const { isValid, message, line, column } = checkSearch;
      return isValid ? null : { message: message ?? 'This is no search.', line, column };
    },
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  const check = useQuery({ ...optionsFor(settled), enabled: settled.trim() !== '' });
  // The list itself says so if the server cannot be asked.
  const checkNow = () => client.fetchQuery(optionsFor(text)).catch(() => null);
  return { fault: settled === text ? (check.data ?? null) : null, checkNow };
}

/** The text as it was when it had not changed for a while. */
function useSettled(text: string, pauseMs: number): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), pauseMs);
    return () => clearTimeout(timer);
  }, [text, pauseMs]);
  return settled;
}
