/** The request that is being written: its form, what is wrong with it, and its place in the address. */
import { type DescMethod, fromJson, type JsonObject, type Message, type Registry } from '@bufbuild/protobuf'
import { useDebouncedCallback } from '@mantine/hooks'
import { getRouteApi } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState } from 'react'
import { isObject } from '../api/rest-call.ts'
import { withoutSecrets } from '../api/secrets.ts'
import { idOf } from './contracts.ts'
import { formIssues, type Issue } from './draft.ts'
import { type ParsedText, parseJson } from './json-text.ts'
import { maxRequestLength } from './search.ts'

const route = getRouteApi('/app/explorer')

/** What was written for a method stays while one looks at another. */
const drafts = new Map<string, JsonObject>()

type RulesCheck = (message: DescMethod['input'], json: JsonObject) => Issue[]

export function useRequest(method: DescMethod, registry: Registry) {
  const id = idOf(method)
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const [draft, setDraft] = useState<JsonObject>(() => search.request ?? drafts.get(id) ?? {})
  const [text, setText] = useState(() => pretty(draft))
  const [check, setCheck] = useState<{ run: RulesCheck }>()
  const written = useRef(JSON.stringify(search.request ?? {}))

  const write = useDebouncedCallback((next: JsonObject) => {
    const shared = sharedPart(method, next)
    written.current = JSON.stringify(shared ?? {})
    void navigate({
      // Meanwhile another method may stand there.
      search: previous => (previous.method === id ? { ...previous, request: shared } : previous),
      replace: true,
      resetScroll: false,
    })
  }, 300)

  function take(next: JsonObject) {
    setDraft(next)
    drafts.set(id, next)
  }

  // A link, or back and forward.
  useEffect(() => {
    const given = JSON.stringify(search.request ?? {})
    if (given === written.current) return
    written.current = given
    const next = search.request ?? {}
    setDraft(next)
    setText(pretty(next))
    drafts.set(id, next)
  }, [search.request, id])

  const parsed: ParsedText = useMemo(() => parseJson(text), [text])
  const wrong = useMemo(() => formIssues(method.input, draft, registry), [method, draft, registry])
  const broken = useMemo(
    () => (check && wrong.length === 0 ? check.run(method.input, draft) : []),
    [check, wrong, method, draft],
  )

  return {
    draft,
    text,
    parsed,
    /** Whether the text is a JSON object. What it was before is what the form has otherwise. */
    isObject: 'value' in parsed && isObject(parsed.value),
    /** Wrong in form: cannot be sent. */
    wrong,
    /** Rules that are broken, once there was an attempt to send. */
    broken,
    setForm(next: JsonObject) {
      take(next)
      setText(pretty(next))
      write(next)
    },
    setText(next: string) {
      setText(next)
      const result = parseJson(next)
      if (!('value' in result) || !isObject(result.value)) return
      take(result.value)
      write(result.value)
    },
    /** @returns the request, or nothing when it has something wrong. Rules are only obeyed when asked for. */
    async message(obey: boolean): Promise<Message | undefined> {
      if (wrong.length > 0) return undefined
      if (obey) {
        const run = check?.run ?? (await loadCheck(registry))
        if (!check && run) setCheck({ run })
        if (run && run(method.input, draft).length > 0) return undefined
      }
      return fromJson(method.input, draft, { registry })
    },
  }
}

/** @returns nothing when it cannot be loaded: the service checks everything again. */
async function loadCheck(registry: Registry): Promise<RulesCheck | undefined> {
  try {
    return (await import('./rules-check.ts')).createRulesCheck(registry)
  } catch {
    return undefined
  }
}

const pretty = (json: JsonObject) => JSON.stringify(json, undefined, 2)

/** @returns what of a request may stand in an address; undefined for none. */
export function sharedPart(method: DescMethod, draft: JsonObject): JsonObject | undefined {
  const shared = withoutSecrets(method.input, draft)
  const { length } = JSON.stringify(shared)
  return Object.keys(shared).length === 0 || length > maxRequestLength ? undefined : shared
}
