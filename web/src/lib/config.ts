/** What the server wrote into the page: no request is needed to know where we are. */
export interface Config {
  mode: 'dev' | 'start';
  version: string;
  /** For styles that libraries add while they run; see the content security policy. */
  nonce: string;
  auth: 'none' | 'session';
  signedIn: boolean;
  features: { mcp: boolean };
  apps: { discovery: boolean; poll: boolean; pollIntervalS: number };
  database: 'file' | 'memory';
}

/** What holds under `vite dev`, which serves the page without the server's help. */
const UNSERVED: Config = {
  mode: 'dev',
  version: 'development',
  nonce: '',
  auth: 'none',
  signedIn: true,
  features: { mcp: false },
  apps: { discovery: true, poll: true, pollIntervalS: 5 },
  database: 'file',
};

function read(): Config {
  const text = document.getElementById('stepwell-config')?.textContent?.trim();
  return text ? { ...UNSERVED, ...(JSON.parse(text) as Partial<Config>) } : UNSERVED;
}

export const config: Config = read();

/** The path under which the dashboard is served, without a slash at its end: "" or "/tools/stepwell". */
export const basePath: string = new URL(document.baseURI).pathname.replace(/\/$/, '');

/** The address of something the server serves: `serverUrl('v0/gql')`. */
export function serverUrl(path: string): string {
  return new URL(path, new URL(`${basePath}/`, window.location.origin)).href;
}
