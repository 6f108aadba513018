import type { ReactNode } from 'react';
import { Notice } from '~/ui/Notice';
import { syncFailure } from './sync-failure';

/** Why an app could not be synchronised, and what to do about it. */
export function AppTrouble({ error, children }: { error: string; children?: ReactNode }) {
  const { title, advice } = syncFailure(error);
  return (
    <Notice severity="error" title={title}>
      {advice.length === 1 ? (
        <p>{advice[0]}</p>
      ) : (
        <ul className="list-disc pl-4">
          {advice.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      )}
      {children}
    </Notice>
  );
}

interface Problem {
  function: string;
  field: string;
  code: string;
  message: string;
}

/** What is wrong with the configuration of functions, function by function. */
export function AppProblems({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <table className="mt-2 w-full text-left text-xs">
      <thead>
        <tr>
          <th className="py-1 pr-3 font-medium">Function</th>
          <th className="py-1 pr-3 font-medium">Option</th>
          <th className="py-1 font-medium">What is wrong</th>
        </tr>
      </thead>
      <tbody>
        {problems.map((problem) => (
          <tr
            key={`${problem.function} ${problem.field} ${problem.message}`}
            className="border-current/20 border-t align-top"
          >
            <td className="break-all py-1 pr-3 font-mono">{problem.function || '–'}</td>
            <td className="py-1 pr-3 font-mono">{problem.field || '–'}</td>
            <td className="py-1">{problem.message}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
