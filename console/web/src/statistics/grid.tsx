/** Panels in their places. Built with the pointer, or with the keys of the handles: arrows move, with Shift they resize. */
import { ActionIcon, Group } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { Panel } from '@site11/proto/es/site11/statistics/v1/dashboards_service_pb.ts'
import { IconArrowsDiagonal, IconArrowsMove, IconPencil, IconTrash } from '@tabler/icons-react'
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Boundary } from '../ui/boundary.tsx'
import { Figure } from './figure.tsx'
import styles from './grid.module.css'
import { changed, columns, type Place, settled } from './layout.ts'
import { askedOf, placesOf, viewOf, withPlaces } from './panels.ts'
import type { SpanChoice } from './range.ts'

const rowPx = 56
const gapPx = 12

interface GridProps {
  panels: readonly Panel[]
  values: ReadonlyMap<string, string>
  choice: SpanChoice
  live: boolean
  compareMs: number
  onZoom: (start: number, end: number) => void
  build?: { onPanels: (panels: Panel[]) => void; onEdit: (panel: Panel) => void } | undefined
}

interface Drag {
  id: string
  what: 'move' | 'resize'
  startX: number
  startY: number
  /** The places as they would be if it ended now. */
  places: Place[]
}

export function Grid({ panels, build, ...shown }: GridProps) {
  const { t } = useTranslation()
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  const grid = useRef<HTMLUListElement>(null)
  const [drag, setDrag] = useState<Drag>()
  const [said, setSaid] = useState('')
  const places = drag?.places ?? placesOf(panels)
  const placeOf = (id: string) => places.find(each => each.id === id)
  // On a narrow screen, and for those who hear it, panels follow each other as they stand.
  const order = [...panels].sort((a, b) => {
    const [one, other] = [placeOf(a.id), placeOf(b.id)]
    return (one?.y ?? 0) - (other?.y ?? 0) || (one?.x ?? 0) - (other?.x ?? 0)
  })

  function begin(event: PointerEvent<HTMLElement>, id: string, what: Drag['what']) {
    if (event.button !== 0) return
    event.currentTarget.setPointerCapture(event.pointerId)
    setDrag({ id, what, startX: event.clientX, startY: event.clientY, places: placesOf(panels) })
  }
  function go(event: PointerEvent<HTMLElement>) {
    if (!drag || !grid.current) return
    const columnPx = (grid.current.clientWidth + gapPx) / columns
    const across = Math.round((event.clientX - drag.startX) / columnPx)
    const down = Math.round((event.clientY - drag.startY) / (rowPx + gapPx))
    const by = drag.what === 'move' ? { x: across, y: down } : { width: across, height: down }
    setDrag({ ...drag, places: changed(placesOf(panels), drag.id, by) })
  }
  function end() {
    if (!drag) return
    setDrag(undefined)
    build?.onPanels(withPlaces(panels, settled(drag.places)))
  }
  function press(event: KeyboardEvent, panel: Panel) {
    const by = arrows[event.key]
    if (!by || !build) return
    event.preventDefault()
    const [across, down] = by
    const next = settled(
      changed(placesOf(panels), panel.id, event.shiftKey ? { width: across, height: down } : { x: across, y: down }),
    )
    build.onPanels(withPlaces(panels, next))
    const now = next.find(({ id }) => id === panel.id)
    if (now) setSaid(t('statistics.panel.stands', { x: now.x + 1, y: now.y + 1, width: now.width, height: now.height }))
  }
  return (
    <>
      <ul ref={grid} className={styles.grid} data-building={build !== undefined}>
        {order.map(panel => {
          const place = placeOf(panel.id)
          const title = panel.title || panel.queries[0]?.metric || ''
          const height = (place?.height ?? 4) * (rowPx + gapPx) - gapPx
          return (
            <li
              key={panel.id}
              className={styles.panel}
              data-dragged={drag?.id === panel.id}
              style={
                narrow || !place
                  ? { minHeight: viewOf(panel) === 'number' ? 96 : 260 }
                  : {
                      gridColumn: `${place.x + 1} / span ${place.width}`,
                      gridRow: `${place.y + 1} / span ${place.height}`,
                    }
              }
            >
              <div className={styles.head}>
                <h3 title={panel.description || undefined}>{title}</h3>
                {build && (
                  <Group gap={2} wrap="nowrap">
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      className={styles.handle}
                      aria-label={t('statistics.panel.move', { title })}
                      title={t('statistics.panel.moveHint')}
                      onPointerDown={event => begin(event, panel.id, 'move')}
                      onPointerMove={go}
                      onPointerUp={end}
                      onPointerCancel={() => setDrag(undefined)}
                      onKeyDown={event => press(event, panel)}
                    >
                      <IconArrowsMove size={15} />
                    </ActionIcon>
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      aria-label={t('statistics.panel.edit', { title })}
                      onClick={() => build.onEdit(panel)}
                    >
                      <IconPencil size={15} />
                    </ActionIcon>
                    <ActionIcon
                      variant="subtle"
                      color="gray"
                      aria-label={t('statistics.panel.remove', { title })}
                      onClick={() => {
                        const others = panels.filter(({ id }) => id !== panel.id)
                        build.onPanels(withPlaces(others, settled(placesOf(others))))
                      }}
                    >
                      <IconTrash size={15} />
                    </ActionIcon>
                  </Group>
                )}
              </div>
              {panel.description && <p className={styles.about}>{panel.description}</p>}
              <Boundary>
                <Seen>
                  <PanelFigure panel={panel} title={title} height={narrow ? 260 : height} {...shown} />
                </Seen>
              </Boundary>
              {build && !narrow && (
                <button
                  type="button"
                  tabIndex={-1}
                  className={styles.corner}
                  aria-label={t('statistics.panel.resize', { title })}
                  onPointerDown={event => begin(event, panel.id, 'resize')}
                  onPointerMove={go}
                  onPointerUp={end}
                  onPointerCancel={() => setDrag(undefined)}
                >
                  <IconArrowsDiagonal size={12} />
                </button>
              )}
            </li>
          )
        })}
      </ul>
      <div role="status" className={styles.said}>
        {said}
      </div>
    </>
  )
}

const arrows: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
}

/** A panel asks for nothing until it comes near the screen. */
function Seen({ children }: { children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null)
  const [near, setNear] = useState(false)
  useEffect(() => {
    if (!box.current) return
    const watch = new IntersectionObserver(
      entries => {
        if (entries.some(({ isIntersecting }) => isIntersecting)) setNear(true)
      },
      { rootMargin: '400px' },
    )
    watch.observe(box.current)
    return () => watch.disconnect()
  }, [])
  return (
    <div ref={box} className={styles.body}>
      {near && children}
    </div>
  )
}

interface PanelFigureProps extends Omit<GridProps, 'panels' | 'build'> {
  panel: Panel
  title: string
  /** Of the whole panel, px. */
  height: number
}

function PanelFigure({ panel, title, height, values, compareMs, choice, live, onZoom }: PanelFigureProps) {
  const asked = useMemo(() => askedOf(panel, values, compareMs), [panel, values, compareMs])
  const marks = useMemo(() => panel.thresholds.map(({ value, level }) => ({ value, level })), [panel])
  // Beside the title, and what the legend shows of the first few series.
  const rest =
    62 + (panel.queries.length > 1 || panel.queries[0]?.groupBy.length ? 38 : 18) + (panel.description ? 18 : 0)
  return (
    <Figure
      label={title}
      asked={asked}
      choice={choice}
      live={live}
      view={viewOf(panel)}
      group="dashboard"
      height={Math.max(80, height - rest)}
      unit={panel.unit}
      stacked={panel.stacked}
      marks={marks}
      onZoom={onZoom}
    />
  )
}
