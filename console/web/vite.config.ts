import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const edge = 'http://localhost:8000'

export default defineConfig({
  plugins: [react()],
  build: {
    // The first versions with CSS light-dark(), which the styles rely on.
    target: ['chrome123', 'firefox120', 'safari17.5'],
    // A font inlined as a data: URL would break the CSP (`font-src 'self'`).
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // What every page stands on: one file that stays in the browser's cache while pages change.
            {
              name: 'core',
              test: /node_modules\/(react|react-dom|scheduler|@tanstack(?!\/(react-virtual|virtual-core))|@connectrpc|@bufbuild\/protobuf|i18next|react-i18next)\//,
            },
            // What only the pages of Statistics ask for comes with them.
            {
              name: 'contracts',
              test: /proto\/gen(?!\/es\/site11\/statistics\/v1\/(metrics|product|dashboards|alerts|reports)_)/,
            },
          ],
        },
      },
    },
  },
  server: { proxy: { '/site11.': edge, '/api': edge, '/descriptors.binpb': edge, '/openapi.json': edge } },
})
