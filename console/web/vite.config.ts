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
            // What every page stands on: one file that stays in the browser's cache while pages change. Only what is needed from the
            // start: of the libraries, too, some is needed by a few pages only.
            { name: 'core', test: /node_modules/, tags: ['$initial'] },
            // The same of our own: sign-in, the frame and the overview come in one go, and pack better so.
            { name: 'app', tags: ['$initial'] },
          ],
        },
      },
    },
  },
  server: { proxy: { '/site11.': edge, '/api': edge, '/descriptors.binpb': edge, '/openapi.json': edge } },
})
