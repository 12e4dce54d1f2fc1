/** A report as PDF, with a font that has Hangul; of the font only the characters that are used go into the file. */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PanelKind } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import pdfmake from 'pdfmake'
import type { Content as Block, Column, TDocumentDefinitions } from 'pdfmake/interfaces.js'
import { chartOf, colorOf, mostLines } from './chart.ts'
import type { Content, PanelContent } from './content.ts'
import { leftOf } from './html.ts'
import { seriesName, timeText, valueText, words } from './words.ts'

const require = createRequire(import.meta.url)
const folder = join(dirname(require.resolve('pretendard/package.json')), 'dist/public/static/alternative')
const [normal, bold] = ['Regular', 'SemiBold'].map(weight => join(folder, `Pretendard-${weight}.ttf`))

const gray = '#555555'
/** Of A4 between its margins, in points. */
const width = 515

/** @returns the bytes of the file. */
export async function pdfOf(content: Content): Promise<Uint8Array> {
  pdfmake.setFonts({ Pretendard: { normal, bold, italics: normal, bolditalics: bold } })
  pdfmake.setUrlAccessPolicy(() => false)
  pdfmake.setLocalAccessPolicy((path: string) => path.startsWith(folder))
  return new Uint8Array(await pdfmake.createPdf(definition(content)).getBuffer())
}

function definition(content: Content): TDocumentDefinitions {
  const { language, title, description, startMs, endMs, madeMs, variables } = content
  const say = words[language]
  const made = say.made(timeText(content, madeMs))
  const choices = variables.map(([name, value]) => `${name}: ${value || say.any}`).join('  ·  ')
  return {
    info: { title, creator: 'site11', creationDate: new Date(madeMs) },
    pageSize: 'A4',
    pageMargins: [40, 40, 40, 48],
    defaultStyle: { font: 'Pretendard', fontSize: 9.5 },
    footer: (page, pages) => ({
      columns: [made, { text: say.page(page, pages), alignment: 'right' }],
      margin: [40, 12, 40, 0],
      fontSize: 8,
      color: gray,
    }),
    content: [
      { text: title, fontSize: 18, bold: true },
      { text: say.span(timeText(content, startMs), timeText(content, endMs)), color: gray, margin: [0, 2, 0, 2] },
      ...(description ? [{ text: description, color: gray }] : []),
      ...(choices ? [{ text: choices, color: gray }] : []),
      ...blocksOf(content),
    ],
  }
}

/** Numbers that follow each other stand side by side, four in a row. */
function* blocksOf(content: Content): Iterable<Block> {
  let row: Column[] = []
  function* flush(): Iterable<Block> {
    if (row.length > 0) yield { columns: row, columnGap: 10, margin: [0, 12, 0, 0] }
    row = []
  }
  for (const panel of content.panels) {
    const body = bodyOf(panel, content)
    const stack = [{ text: panel.title, bold: true, fontSize: 11 }, ...about(panel), ...body]
    if (panel.kind === PanelKind.PANEL_KIND_NUMBER) {
      row.push({ stack, width: '*' })
      if (row.length === 4) yield* flush()
      continue
    }
    yield* flush()
    // A table may be longer than a page.
    yield { stack, margin: [0, 14, 0, 0], unbreakable: panel.kind !== PanelKind.PANEL_KIND_TABLE }
  }
  yield* flush()
}

const about = ({ description }: PanelContent): Block[] => (description ? [{ text: description, color: gray }] : [])

function bodyOf(panel: PanelContent, content: Content): Block[] {
  const { kind, series, unit, problem } = panel
  const { language } = content
  const say = words[language]
  if (problem) return [{ text: problem, color: '#b00020' }]
  if (series.length === 0) return [{ text: say.nothing, color: gray }]
  const left = leftOf(panel)
  const more: Block[] = left > 0 ? [{ text: say.left(left), color: gray }] : []
  const rows = series.map(each => [seriesName(language, each), valueText(language, each.total, unit || each.unit)])
  if (kind === PanelKind.PANEL_KIND_NUMBER) {
    const figures = rows.map(([name = '', value = '']): Block => {
      const figure = { text: value, fontSize: 17, bold: true }
      return series.length > 1 ? { stack: [figure, { text: name, color: gray }] } : figure
    })
    return [...figures, ...more]
  }
  if (kind === PanelKind.PANEL_KIND_TABLE) {
    const head = [say.series, say.value].map((text, at) => ({ text, bold: true, ...(at && { alignment: 'right' }) }))
    const body = rows.map(([name = '', value = '']) => [name, { text: value, alignment: 'right' }])
    const table = { headerRows: 1, widths: ['*', 'auto'], body: [head, ...body] } as const
    return [{ table: table as never, layout: 'lightHorizontalLines', margin: [0, 4, 0, 0] }, ...more]
  }
  const legend = rows
    .slice(0, mostLines)
    .flatMap(([name = '', value = ''], at) => [
      { text: `${at > 0 ? '   ' : ''}■ `, color: colorOf(at) },
      { text: `${name}  ` },
      { text: value, bold: true },
    ])
  return [{ svg: chartOf(panel, content), width }, { text: legend, fontSize: 8.5 }, ...more]
}
