import { countInWords } from '~/features/lists/counting';
import { Notice } from '~/ui/Notice';
import type { Summary } from './bulk';

/** As many failures as anybody reads. */
const SHOWN = 100;

/** What became of many runs, with those that failed and why. */
export function Outcomes({ text, summary }: { text: string; summary: Summary }) {
  const { failed, left } = summary;
  return (
    <div className="flex flex-col gap-3">
      <p>{text}.</p>
      {left > 0 && <p>{countInWords(left, 'run')} were not touched.</p>}
      {failed.length > 0 && (
        <Notice severity="error" title={`${countInWords(failed.length, 'run')} failed`}>
          <ul className="mt-1 flex flex-col gap-1">
            {failed.slice(0, SHOWN).map(({ runID, message, code }) => (
              <li key={runID}>
                <code className="font-mono text-xs">{runID}</code>: {message ?? code}
              </li>
            ))}
          </ul>
          {failed.length > SHOWN && <p className="mt-1">… and {failed.length - SHOWN} more.</p>}
        </Notice>
      )}
    </div>
  );
}
