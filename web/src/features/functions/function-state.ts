/** What a function is and whether it goes. */
import { graphql, type ResultOf } from '~/lib/graphql';
import type { Tone } from '~/lib/status';

export const FunctionStateFragment = graphql(`
  fragment FunctionState on Function @_unmask {
    id
    slug
    name
    archived
    triggers { type value condition }
    pause { since newRuns running isDrain }
    app { id name archived method }
  }
`);

export type FunctionState = ResultOf<typeof FunctionStateFragment>;
export type Trigger = NonNullable<FunctionState['triggers']>[number];

/** Whether no event can start it until a sync brings it back. */
export function isArchived(fn: Pick<FunctionState, 'archived'> & { app: { archived: boolean } }) {
  return fn.archived || fn.app.archived;
}

export interface StateMark {
  title: string;
  tone: Tone;
  /** What it means, in a sentence. */
  about: string;
}

/** What is out of the ordinary; nothing for a function that goes. */
export function marksOf(fn: FunctionState): StateMark[] {
  const marks: StateMark[] = [];
  if (isArchived(fn)) {
    const about = fn.app.archived
      ? 'Its app was removed. Nothing starts it any more.'
      : 'Nothing starts it any more, until a sync of its app contains it again.';
    marks.push({ title: 'Archived', tone: 'calm', about });
  }
  if (fn.pause?.isDrain) {
    const about = 'Its app is drained: no event starts it, runs that have started go on.';
    marks.push({ title: 'Drained', tone: 'waiting', about });
  } else if (fn.pause) {
    marks.push({ title: 'Paused', tone: 'waiting', about: pauseInWords(fn.pause) });
  }
  return marks;
}

/** What a pause does, in a sentence. */
export function pauseInWords(pause: { newRuns: string; running: string }): string {
  const begins =
    pause.newRuns === 'WAIT' ? 'New runs wait until it is resumed' : 'New runs are skipped';
  const goes =
    pause.running === 'HOLD'
      ? 'runs that have started stand still'
      : pause.running === 'CANCEL'
        ? 'runs that had started were cancelled'
        : 'runs that have started go on';
  return `${begins}; ${goes}.`;
}
