/** The calls that a page has made, to be copied; of the top bar and of every drawer. */
import { Skeleton } from '@mantine/core'
import { IconTerminal2 } from '@tabler/icons-react'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { withWords } from '../i18n/index.ts'
import { BarMenu } from './bar-menu.tsx'

const CallList = lazy(async () => {
  const { CallList } = await withWords(import('./call-list.tsx'), 'copyCall')
  return { default: CallList }
})

export function PageCalls() {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  return (
    <BarMenu label={t('nav.calls')} button={<IconTerminal2 size={18} />} onToggle={setOpen}>
      {open && (
        <Suspense fallback={<Skeleton height={120} width={300} />}>
          <CallList />
        </Suspense>
      )}
    </BarMenu>
  )
}
