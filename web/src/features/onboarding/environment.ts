import { config } from '~/lib/config';

/** Variables that an app needs to find this server, as lines of a shell. */
export interface Variable {
  name: string;
  value: string;
  /** Whether the value stands for one that is never shown here. */
  isSecret?: boolean;
}

/** What an app needs to know of a server at an address. */
export function variablesFor(mode: 'dev' | 'start', address: string): Variable[] {
  if (mode === 'dev') return [{ name: 'INNGEST_DEV', value: address }];
  return [
    { name: 'INNGEST_BASE_URL', value: address },
    { name: 'INNGEST_SIGNING_KEY', value: 'your signing key', isSecret: true },
    { name: 'INNGEST_EVENT_KEY', value: 'your event key', isSecret: true },
  ];
}

export type Shell = 'sh' | 'powershell';

/** Sets variables for the commands that follow. */
export function exportLines(variables: readonly Variable[], shell: Shell): string {
  return variables
    .map(({ name, value }) =>
      shell === 'sh' ? `export ${name}=${quoted(value)}` : `$env:${name} = "${value}"`,
    )
    .join('\n');
}

function quoted(value: string): string {
  return /^[\w:/.,@%+=-]+$/.test(value) ? value : `"${value}"`;
}

/**
 * The address of this server as apps must be given it. SDKs leave the path of it out of some of
 * their requests, so there is none.
 */
export function appAddress(): string {
  return window.location.origin;
}

/** Whether an app on the developer's machine is found without being told of. */
export const findsApps = config.mode === 'dev' && config.apps.discovery;
