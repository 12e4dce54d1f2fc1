/** The map: pannable, zoomable, and still while its figures change. */
import '@xyflow/react/dist/base.css'
import { ActionIcon } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import { IconFocusCentered, IconMinus, IconPlus } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import {
  BaseEdge,
  type Edge,
  type EdgeProps,
  getBezierPath,
  Handle,
  type Node,
  type NodeProps,
  Panel,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
} from '@xyflow/react'
import { type MouseEvent, memo, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { errorLevel, linkText, widthOf } from './figures.ts'
import { type Place, type Places, partHeight, partWidth, placesWith } from './layout.ts'
import styles from './map.module.css'
import { type Link as Call, clientsId, type Part, type Topology } from './model.ts'
import { Figures, Members, nameOf, PartState, targetOf, useWhy } from './part.tsx'
import { pathThrough, wayOf } from './way.ts'

type PartNode = Node<{ part: Part }, 'part'>
type CallEdge = Edge<{ call: Call; way: Place[] | undefined }, 'call'>

const nodeTypes = { part: memo(PartBox) }
const edgeTypes = { call: memo(CallLine) }
/** On a narrow screen. */
const zoom = 0.85
const fit = { padding: 0.06, maxZoom: 1, minZoom: 0.35 }

/** Where things stand, for as long as the dashboard is open: who comes back finds them there. */
let places: Places = new Map()

/** Laid out anew only when there are others than before. */
function usePlaces({ parts, links }: Topology): Places {
  const key = parts.map(({ id }) => id).join()
  // biome-ignore lint/correctness/useExhaustiveDependencies: figures and states are no reason to move
  return useMemo(() => {
    const here = parts.some(({ id }) => !places.has(id)) ? placesWith(places, parts, links) : places
    places = new Map([...places, ...here])
    return places
  }, [key])
}

export function TopologyMap({ topology }: { topology: Topology }) {
  return (
    <ReactFlowProvider>
      <Canvas topology={topology} />
    </ReactFlowProvider>
  )
}

function Canvas({ topology }: { topology: Topology }) {
  const { t, i18n } = useTranslation()
  const placed = usePlaces(topology)
  const narrow = useMediaQuery('(max-width: 48em)', undefined, { getInitialValueInEffect: false })
  const names = new Map(topology.parts.map(part => [part.id, nameOf(part, t)]))
  const nodes = topology.parts.map((part): PartNode => {
    const height = partHeight[part.kind]
    return {
      id: part.id,
      type: 'part',
      position: placed.get(part.id) ?? { x: 0, y: 0 },
      data: { part },
      width: partWidth,
      height,
      handles: [
        { type: 'target', position: Position.Left, x: 0, y: height / 2, width: 1, height: 1 },
        { type: 'source', position: Position.Right, x: partWidth, y: height / 2, width: 1, height: 1 },
      ],
    }
  })
  const edges = topology.links.map((call): CallEdge => {
    const facts = linkText(call, t, i18n.language)
    const label = t('topology.callsThat', { from: names.get(call.from), to: names.get(call.to) })
    return {
      id: call.id,
      type: 'call',
      source: call.from,
      target: call.to,
      data: { call, way: wayOf(call, placed, topology.parts) },
      ariaLabel: facts ? `${label}: ${facts}` : label,
      className: `${styles.edge} ${styles[errorLevel(call)]}`,
      interactionWidth: 24,
    }
  })
  return (
    <div className={styles.canvas}>
      <ReactFlow
        aria-label={t('topology.mapLabel')}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        elementsSelectable={false}
        edgesFocusable
        // A page scrolls with the wheel; the map zooms with Ctrl, or pinched.
        zoomOnScroll={false}
        preventScrolling={false}
        zoomOnDoubleClick={false}
        minZoom={0.25}
        maxZoom={1.6}
        // All of it would be too small to read on a narrow screen: there it begins at the left, to be panned.
        {...(narrow
          ? { defaultViewport: { x: 12, y: 160 - zoom * (placed.get(clientsId)?.y ?? 0), zoom } }
          : { fitView: true, fitViewOptions: fit })}
        proOptions={{ hideAttribution: true }}
      >
        <Controls />
      </ReactFlow>
    </div>
  )
}

function Controls() {
  const { t } = useTranslation()
  const { zoomIn, zoomOut, fitView } = useReactFlow()
  const buttons = [
    { label: t('topology.zoomIn'), icon: IconPlus, act: () => zoomIn({ duration: 120 }) },
    { label: t('topology.zoomOut'), icon: IconMinus, act: () => zoomOut({ duration: 120 }) },
    { label: t('topology.fit'), icon: IconFocusCentered, act: () => fitView({ ...fit, duration: 150 }) },
  ]
  return (
    <Panel position="bottom-right" className={styles.controls}>
      {buttons.map(({ label, icon: Icon, act }) => (
        <ActionIcon key={label} variant="default" size={30} onClick={() => void act()} aria-label={label} title={label}>
          <Icon size={16} />
        </ActionIcon>
      ))}
    </Panel>
  )
}

function PartBox({ data: { part } }: NodeProps<PartNode>) {
  const { t } = useTranslation()
  const why = useWhy()(part)
  const target = targetOf(part)
  const body = (
    <>
      <span className={styles.name} title={part.name}>
        {nameOf(part, t)}
      </span>
      {(part.kind === 'service' || part.kind === 'store') && (
        <span className={styles.kind}>{t(`topology.kinds.${part.kind}`)}</span>
      )}
      <PartState state={part.state} />
      {why && (
        <span className={styles.why} title={why}>
          {why}
        </span>
      )}
      <span className={styles.foot}>
        <Members members={part.members} named={part.kind === 'edge'} />
        <Figures {...part} />
      </span>
    </>
  )
  // What is not to be dragged away by a click on it.
  const stop = (event: MouseEvent) => event.stopPropagation()
  return (
    <>
      <Handle type="target" position={Position.Left} className={styles.handle} isConnectable={false} />
      {target ? (
        <Link {...target} className={`${styles.part} nopan`} draggable={false} onMouseDown={stop}>
          {body}
        </Link>
      ) : (
        <div className={styles.part}>{body}</div>
      )}
      <Handle type="source" position={Position.Right} className={styles.handle} isConnectable={false} />
    </>
  )
}

/** Its label shows on hover and focus, and always when something is wrong. */
function CallLine({ data, sourceX, sourceY, targetX, targetY }: EdgeProps<CallEdge>) {
  const { t, i18n } = useTranslation()
  if (!data) return null
  const [path, labelX, labelY] = data.way
    ? lineThrough(data.way)
    : getBezierPath({
        sourceX,
        sourceY,
        sourcePosition: Position.Right,
        targetX,
        targetY,
        targetPosition: Position.Left,
      })
  const label = linkText(data.call, t, i18n.language)
  return (
    <BaseEdge
      path={path}
      style={{ strokeWidth: widthOf(data.call.rate) }}
      {...(label && { label, labelX, labelY, labelBgPadding: [6, 3] as [number, number], labelBgBorderRadius: 4 })}
    />
  )
}

function lineThrough(way: readonly Place[]): [path: string, labelX: number, labelY: number] {
  const { path, middle } = pathThrough(way)
  return [path, middle.x, middle.y]
}
