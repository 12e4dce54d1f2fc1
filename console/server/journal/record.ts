/** What the journal has of the Console itself: its life, its keys, and the proxies that it serves. */
import type { Authorities } from '../ca/authorities.ts'
import type { ControlPlane } from '../control-plane/server.ts'
import type { SigningKeys } from '../keys/keys.ts'
import type { Journal } from './journal.ts'

export interface RecordOptions {
  journal: Pick<Journal, 'record'>
  controlPlane: Pick<ControlPlane, 'onEvent'>
  keys: Pick<SigningKeys, 'signer' | 'onChange'>
  authorities: Pick<Authorities, 'signer' | 'onChange'>
  version: string
}

/** Records from now on. @returns a function that records that the Console stops. */
export function recordConsole({ journal, controlPlane, keys, authorities, version }: RecordOptions): () => void {
  const console = (action: string) =>
    journal.record({ actor: 'console', action, subject: 'mesh', reason: `version ${version}` })
  console('console.started')

  let signer = keys.signer().kid
  keys.onChange(() => {
    const { kid } = keys.signer()
    if (kid === signer) return
    signer = kid
    journal.record({ actor: 'console', action: 'key.rotated', subject: `keys/${kid}` })
  })

  let authority = authorities.signer()
  authorities.onChange(() => {
    const name = authorities.signer()
    if (name === authority) return
    authority = name
    journal.record({ actor: 'console', action: 'ca.rotated', subject: `authorities/${name}` })
  })

  const refusing = new Set<string>()
  controlPlane.onEvent(event => {
    const { type, nodeId } = event
    const subject = `proxies/${nodeId}`
    const record = (action: string, reason = '') => journal.record({ actor: subject, action, subject, reason })
    if (type === 'connected' || type === 'disconnected') {
      refusing.delete(nodeId)
      const [before, after] = type === 'connected' ? [{}, { client: event.client }] : [{ client: event.client }, {}]
      journal.record({ actor: subject, action: `proxy.${type}`, subject, before, after })
    } else if (type === 'refused') {
      refusing.add(nodeId)
      record('proxy.refused', `${event.resources.join(', ')}: ${event.reason}`)
    } else if (refusing.delete(nodeId)) record('proxy.accepted')
  })
  return () => void console('console.stopped')
}
