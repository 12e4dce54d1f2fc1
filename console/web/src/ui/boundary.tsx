import { CatchBoundary } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { ProblemInline } from './problem.tsx'

/** What fails inside takes nothing else of the page with it. */
export function Boundary({ children }: { children: ReactNode }) {
  return (
    <CatchBoundary
      getResetKey={() => location.href}
      errorComponent={({ error, reset }) => <ProblemInline error={error} onRetry={reset} />}
    >
      {children}
    </CatchBoundary>
  )
}
