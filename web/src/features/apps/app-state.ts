import type { Tone } from '~/lib/status';

/** What decides how an app is doing. */
export interface AppStanding {
  error: string | null;
  syncedAt: string | null;
  functionCount: number;
  drainedAt: string | null;
  archived: boolean;
}

/** How an app is doing, in a word and a colour. */
export interface AppState {
  title: string;
  tone: Tone;
}

export function stateOf(app: AppStanding): AppState {
  if (app.archived) return { title: 'Removed', tone: 'calm' };
  if (app.error) return { title: app.syncedAt ? 'Failing' : 'Not synced', tone: 'bad' };
  if (app.drainedAt) return { title: 'Drained', tone: 'waiting' };
  if (app.functionCount === 0) return { title: 'No functions', tone: 'waiting' };
  return { title: 'Synced', tone: 'good' };
}

/** The name of an app; one that has never answered is called by its URL. */
export function appName(app: { name: string; url: string | null }): string {
  return app.name || app.url || 'Unknown app';
}

const LANGUAGES: Readonly<Record<string, string>> = {
  py: 'Python',
  python: 'Python',
  js: 'TypeScript',
  ts: 'TypeScript',
  go: 'Go',
  kt: 'Kotlin',
  kotlin: 'Kotlin',
};

/** The SDK in words, such as "Python 0.5.19"; null if the app has not told. */
export function sdkName(app: { sdkLanguage: string; sdkVersion: string }): string | null {
  const name = LANGUAGES[app.sdkLanguage.toLowerCase()] ?? app.sdkLanguage;
  return `${name} ${app.sdkVersion.replace(/^v/, '')}`.trim() || null;
}

const FRAMEWORKS: Readonly<Record<string, string>> = {
  fast_api: 'FastAPI',
  flask: 'Flask',
  django: 'Django',
  tornado: 'Tornado',
  express: 'Express',
  nextjs: 'Next.js',
  nodejs: 'Node.js',
  remix: 'Remix',
  sveltekit: 'SvelteKit',
  hono: 'Hono',
  koa: 'Koa',
  fastify: 'Fastify',
  nestjs: 'NestJS',
  nuxt: 'Nuxt',
  nitro: 'Nitro',
  h3: 'H3',
  astro: 'Astro',
  bun: 'Bun',
  'aws-lambda': 'AWS Lambda',
  'cloudflare-pages': 'Cloudflare Pages',
  'deno/fresh': 'Deno Fresh',
};

/** The name of a framework as its makers write it. */
export function frameworkName(framework: string): string {
  return FRAMEWORKS[framework.toLowerCase()] ?? framework;
}

/** How server and app come together. */
export const METHODS: Readonly<
  Record<'SERVE' | 'CONNECT' | 'API', { title: string; about: string }>
> = {
  SERVE: { title: 'Serve', about: 'The server calls the app at its URL.' },
  CONNECT: { title: 'Connect', about: 'The app keeps a connection to the server.' },
  API: { title: 'API', about: 'The app reports what its endpoints do.' },
};
