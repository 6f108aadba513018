import { serverUrl } from '~/lib/config';
import { Card } from '~/ui/Card';

const DOCUMENTATION = 'https://github.com/stepwell/stepwell/tree/main/docs';

/** Where one reads more. */
export function Documents() {
  return (
    <Card title="Documents">
      <ul className="flex flex-wrap gap-x-6 gap-y-1 px-4 py-3 [&_a]:text-accent [&_a]:underline">
        <li>
          <a href={serverUrl('THIRD_PARTY_LICENSES.md')} target="_blank" rel="noreferrer">
            Licences of what the dashboard is made of
          </a>
        </li>
        <li>
          <a href={DOCUMENTATION} target="_blank" rel="noreferrer">
            Documentation
          </a>
        </li>
        <li>
          <a href={`${DOCUMENTATION}/operations.md`} target="_blank" rel="noreferrer">
            Operations: backup, retention, full disks
          </a>
        </li>
      </ul>
    </Card>
  );
}
