import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import tailwindcss from '@tailwindcss/vite';
import { tanstackRouter } from '@tanstack/router-plugin/vite';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** Where the built files go; the Python build hook builds into a folder of its own and swaps it in. */
const OUT =
  process.env.STEPWELL_UI_OUT ?? resolve(import.meta.dirname, '../src/stepwell/dashboard/dist');

/** The server that `npm run dev` passes API requests to. */
const SERVER = process.env.STEPWELL_DEV_SERVER ?? 'http://127.0.0.1:8288';
/** A path that begins with ^ is a pattern: pages such as /events are no API. */
const API_PATHS = ['/v0', '/v1', '^/e/', '/dev', '/health', '/invoke', '/fn', '/metrics'];

/** Writes `x.br` and `x.gz` beside every text of the bundle, so that the server need not compress. */
function precompress(): Plugin {
  return {
    name: 'precompress',
    apply: 'build',
    // Not earlier: until files are written, Vite still puts names of other files into them.
    writeBundle({ dir = OUT }, bundle) {
      for (const fileName of Object.keys(bundle)) {
        if (!/\.(js|css|svg)$/.test(fileName)) continue;
        const path = resolve(dir, fileName);
        const text = readFileSync(path);
        if (text.length < 1024) continue;
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } };
        writeFileSync(`${path}.br`, brotliCompressSync(text, quality));
        writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: './',
  resolve: { tsconfigPaths: true },
  plugins: [
    tanstackRouter({ target: 'react', autoCodeSplitting: true, quoteStyle: 'single' }),
    react(),
    tailwindcss(),
    precompress(),
  ],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    manifest: true,
    license: true,
    modulePreload: { polyfill: false },
    // Fonts must be files: a data: address is not allowed by the content security policy.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // What every page needs, in one file: twenty small ones say twenty times what they import.
            {
              name: 'frame',
              test: /\/web\/src\/(lib|routes|features\/shell)\/[^?]*$/,
              minShareCount: 2,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: Object.fromEntries(API_PATHS.map((path) => [path, { target: SERVER, ws: true }])),
  },
});
