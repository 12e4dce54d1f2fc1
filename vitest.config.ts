import { defineConfig } from 'vitest/config'

const inBrowser = ['test/dashboard*.test.ts', 'test/explorer.test.ts']
/** What counts requests under load, and explains each that fails. */
const underLoad = ['deploy', 'events', 'faults', 'statistics'].map(name => `test/${name}.test.ts`)
const onMesh = {
  globalSetup: ['test/setup.ts'],
  fileParallelism: false,
  testTimeout: 120_000,
  hookTimeout: 240_000,
}

/** `unit` stands beside the code; the others, in test/, each run on a mesh of their own that test/setup.ts starts. */
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
      { test: { name: 'mesh', include: ['test/**/*.test.ts'], exclude: [...inBrowser, ...underLoad], ...onMesh } },
      { test: { name: 'load', include: underLoad, ...onMesh } },
      { test: { name: 'browser', include: inBrowser, ...onMesh } },
    ],
  },
})
