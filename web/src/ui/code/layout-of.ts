import { setOut } from './json-layout';

/** Texts up to here take less time than talking to a worker. In characters. */
const AT_ONCE_CHARS_MAX = 200_000;

/**
 * Sets a text out without stopping the page; the text itself if it is not JSON. Calls `done` once,
 * unless the returned function was called before.
 */
export function layOut(text: string, done: (shown: string) => void): () => void {
  if (text.length <= AT_ONCE_CHARS_MAX || typeof Worker === 'undefined') {
    const timer = setTimeout(() => done(setOut(text) ?? text), 0);
    return () => clearTimeout(timer);
  }
  const worker = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
  const end = (shown: string) => {
    worker.terminate();
    done(shown);
  };
  worker.onmessage = ({ data }: MessageEvent<string | null>) => end(data ?? text);
  // Without the worker's program the text is shown as it is.
  worker.onerror = () => end(text);
  worker.postMessage(text);
  return () => worker.terminate();
}
