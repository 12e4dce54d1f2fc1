import { defineConfig } from 'vitest/config'

/** What needs a browser. */
const inBrowser = ['test/dashboard*.test.ts', 'test/explorer.test.ts']
const onMesh = {
  globalSetup: ['test/setup.ts'],
  fileParallelism: false,
  testTimeout: 120_000,
  hookTimeout: 240_000,
}

/** `unit` stands beside the code; `mesh` and `browser`, in test/, each run on a mesh of its own that test/setup.ts starts. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{proto,services,console,mesh,envoy,bench}/**/*.test.{ts,tsx}'],
          exclude: ['**/node_modules/**', '**/gen/**', '**/dist/**'],
          globalSetup: ['services/runtime/store/test-mongod.ts'],
          setupFiles: ['tools/patience.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      { test: { name: 'mesh', include: ['test/**/*.test.ts'], exclude: inBrowser, ...onMesh } },
      { test: { name: 'browser', include: inBrowser, ...onMesh } },
    ],
  },
})
