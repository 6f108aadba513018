import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const tests = {
  restoreMocks: true,
  testTimeout: 30_000,
  // Local times are shown; tests must not depend on where they run.
  env: { TZ: 'UTC' },
};

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
      {
        extends: true,
        test: {
          ...tests,
          name: 'components',
          environment: 'jsdom',
          include: ['src/**/*.test.tsx'],
          setupFiles: ['src/testing/setup.ts'],
        },
      },
    ],
  },
});
