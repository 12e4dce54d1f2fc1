import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import 'pretendard/dist/web/variable/pretendardvariable-dynamic-subset.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import './ui/global.css'
import { TransportProvider } from '@connectrpc/connect-query'
import { MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queryClient, resumption, transport } from './api/client.ts'
import { liveStreams } from './api/use-live.ts'
import { startI18n } from './i18n/index.ts'
import { router } from './router.tsx'
import { colorSchemeManager, cssVariables, theme } from './ui/theme.ts'
import { Toasts } from './ui/toasts.tsx'

await startI18n()

/** Who comes or goes, here or in another tab, moves the page: to sign-in, or to where the user wanted to go. */
let userId: string | undefined
resumption.subscribe(() => {
  const next = resumption.session()?.userId
  if (next === userId) return
  // Nothing of one user may be shown to another.
  if (userId && next) location.reload()
  userId = next
  queryClient.clear()
  liveStreams.closeAll()
  void router.invalidate()
})

const root = document.getElementById('root')
if (!root) throw new Error('index.html has no element #root.')
createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      colorSchemeManager={colorSchemeManager}
      defaultColorScheme="auto"
    >
      <Toasts />
      <TransportProvider transport={transport}>
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </TransportProvider>
    </MantineProvider>
  </StrictMode>,
)
