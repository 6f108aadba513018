import express from './snippets/express.ts.txt?raw';
import fastapi from './snippets/fastapi.py.txt?raw';
import flask from './snippets/flask.py.txt?raw';
import functions from './snippets/functions.ts.txt?raw';
import nextjs from './snippets/nextjs.ts.txt?raw';
import node from './snippets/node.ts.txt?raw';

/** A file that a newcomer writes. */
export interface SnippetFile {
  name: string;
  code: string;
}

/** The shortest way to an app with one function, for one framework. */
export interface Framework {
  id: string;
  name: string;
  language: 'Python' | 'TypeScript';
  install: string;
  files: readonly SnippetFile[];
  /** Starts the app, without the variables it needs. */
  start: string;
  /** Where the app then serves its functions. */
  url: string;
}

const FUNCTIONS: SnippetFile = { name: 'inngest.ts', code: functions };

export const FRAMEWORKS: readonly Framework[] = [
  {
    id: 'fastapi',
    name: 'FastAPI',
    language: 'Python',
    install: 'pip install inngest fastapi uvicorn',
    files: [{ name: 'main.py', code: fastapi }],
    start: 'uvicorn main:app --port 8000 --reload',
    url: 'http://localhost:8000/api/inngest',
  },
  {
    id: 'flask',
    name: 'Flask',
    language: 'Python',
    install: 'pip install inngest flask',
    files: [{ name: 'main.py', code: flask }],
    start: 'flask --app main run --port 5000',
    url: 'http://localhost:5000/api/inngest',
  },
  {
    id: 'express',
    name: 'Express',
    language: 'TypeScript',
    install: 'npm init -y && npm pkg set type=module\nnpm install inngest express tsx',
    files: [FUNCTIONS, { name: 'server.ts', code: express }],
    start: 'npx tsx watch server.ts',
    url: 'http://localhost:3000/api/inngest',
  },
  {
    id: 'nextjs',
    name: 'Next.js',
    language: 'TypeScript',
    install: 'npm install inngest',
    files: [FUNCTIONS, { name: 'app/api/inngest/route.ts', code: nextjs }],
    start: 'npx next dev --port 3000',
    url: 'http://localhost:3000/api/inngest',
  },
  {
    id: 'node',
    name: 'Node.js',
    language: 'TypeScript',
    install: 'npm init -y && npm pkg set type=module\nnpm install inngest tsx',
    files: [FUNCTIONS, { name: 'server.ts', code: node }],
    start: 'npx tsx watch server.ts',
    url: 'http://localhost:3000/api/inngest',
  },
];

/** The event that the function of every snippet waits for. */
export const FIRST_EVENT = { name: 'hello/said', data: { name: 'Ada' } } as const;

export function isFrameworkId(value: unknown): value is string {
  return FRAMEWORKS.some(({ id }) => id === value);
}
