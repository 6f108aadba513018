import { CopyButton } from '~/ui/Copy';
import { Badge } from '~/ui/Status';
import type { Address } from './addresses';

/** Where what is served, and which key the server asks for. */
export function AddressTable({ addresses }: { addresses: readonly Address[] }) {
  return (
    <ul className="divide-y divide-line">
      {addresses.map((address) => (
        <li
          key={address.title}
          className="flex flex-col gap-x-4 gap-y-0.5 px-4 py-2 lg:flex-row lg:items-center"
        >
          <div className="min-w-0 lg:w-2/5">
            <h3 className="flex items-center gap-2 font-medium">
              {address.title}
              {address.key !== 'none' && <Badge>{address.key}</Badge>}
            </h3>
            <p className="text-ink-soft text-xs">{address.about}</p>
          </div>
          <div className="flex min-w-0 flex-1 items-center gap-0.5">
            {address.isPage ? (
              <a
                href={address.url}
                target="_blank"
                rel="noreferrer"
                className="min-w-0 truncate font-mono text-[0.8125rem] text-accent underline"
              >
                {address.url}
              </a>
            ) : (
              <code className="min-w-0 truncate font-mono text-[0.8125rem]" title={address.url}>
                {address.url}
              </code>
            )}
            <CopyButton text={address.url} label={`Copy the address: ${address.title}`} />
          </div>
        </li>
      ))}
    </ul>
  );
}
