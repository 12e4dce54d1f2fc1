/** The request as REST has it, as it would be sent. */
import { type DescMethod, fromJson, type JsonObject, type Registry, toJson } from '@bufbuild/protobuf'
import { Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { isPublic } from '../api/policy.ts'
import { restCall, restTarget } from '../api/rest-call.ts'
import { withoutSecrets } from '../api/secrets.ts'
import styles from './explorer.module.css'

interface RestViewProps {
  method: DescMethod
  draft: JsonObject
  registry: Registry
  /** Whether the draft has a form that protobuf takes. */
  isWell: boolean
}

export function RestView({ method, draft, registry, isWell }: RestViewProps) {
  const { t } = useTranslation()
  const whole = isWell
    ? (toJson(method.input, fromJson(method.input, draft, { registry }), { registry }) as JsonObject)
    : draft
  const call = restCall(
    method,
    withoutSecrets(method.input, whole, () => '********'),
  )
  if (!call) return <Text c="dimmed">{t('explorer.rest.none')}</Text>
  const { verb, query, body, lost } = call
  return (
    <Stack gap="xs">
      <pre className={styles.block}>
        {`${verb} ${restTarget(call)}\n`}
        {`Host: ${location.host}\n`}
        {!isPublic(method) && 'Authorization: Bearer $TOKEN\n'}
        {body !== undefined && `Content-Type: application/json\n\n${JSON.stringify(body, undefined, 2)}\n`}
      </pre>
      {query.length > 0 && (
        <table className={styles.plain}>
          <caption>{t('explorer.rest.query')}</caption>
          <tbody>
            {query.map(([name, value]) => (
              <tr key={`${name}=${value}`}>
                <th scope="row" className="mono">
                  {name}
                </th>
                <td className="mono">{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {lost.length > 0 && <Text size="sm">{t('explorer.rest.lost', { names: lost.join(', ') })}</Text>}
      {method.methodKind === 'server_streaming' && (
        <Text size="sm" c="dimmed">
          {t('explorer.rest.stream')}
        </Text>
      )}
    </Stack>
  )
}
