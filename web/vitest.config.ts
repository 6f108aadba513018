import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const tests = {
  restoreMocks: true,
  testTimeout: 30_000,
  // Local times are shown; tests must not depend on where they run.
  env: { TZ: 'UTC' },
};

const components = {
  ...tests,
  environment: 'jsdom',
  setupFiles: ['src/testing/setup.ts'],
};

/** Editors measure their page, and take each other's for it if they share one. */
const WITH_EDITORS = [
  'src/features/events/SendEventDialog.test.tsx',
  'src/features/functions/InvokeDialog.test.tsx',
  'src/features/run/RunDetail.test.tsx',
  'src/features/search/SearchPanel.test.tsx',
  'src/ui/code/**/*.test.tsx',
];

export default defineConfig({
  plugins: [react()],
  resolve: { tsconfigPaths: true },
  test: {
    projects: [
      // A simulated browser costs a second for each file; what does without one ends in .ts.
      {
        extends: true,
        test: { ...tests, name: 'logic', environment: 'node', include: ['src/**/*.test.ts'] },
      },
      // So files share one, and with it the modules they load: a third of the time.
      {
        extends: true,
        test: {
          ...components,
          name: 'components',
          include: ['src/**/*.test.tsx'],
          exclude: WITH_EDITORS,
          isolate: false,
        },
      },
      {
        extends: true,
        test: { ...components, name: 'editors', include: WITH_EDITORS },
      },
    ],
  },
});
