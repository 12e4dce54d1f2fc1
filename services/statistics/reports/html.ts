/** A report as one page of HTML that needs nothing else: no script, no other file. Pure. */
import { PanelKind } from '@site11/proto/grpc/site11/statistics/v1/dashboards_service.ts'
import { chartOf, colorOf, escaped, mostLines } from './chart.ts'
import type { Content, PanelContent } from './content.ts'
import { seriesName, timeText, valueText, words } from './words.ts'

export function htmlOf(content: Content): string {
  const { language, title, description, startMs, endMs, madeMs, variables, panels } = content
  const say = words[language]
  const span = say.span(timeText(content, startMs), timeText(content, endMs))
  const choices = variables.map(([name, value]) => `<li>${escaped(name)}: ${escaped(value || say.any)}</li>`).join('')
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p>${escaped(span)}</p>
${description ? `<p>${escaped(description)}</p>` : ''}
${choices ? `<ul>${choices}</ul>` : ''}
</header>
<main>
${panels.map(panel => sectionOf(panel, content)).join('\n')}
</main>
<footer>${escaped(say.made(timeText(content, madeMs)))}</footer>
</body>
</html>
`
}

function sectionOf(panel: PanelContent, content: Content): string {
  const { title, description } = panel
  const about = description ? `<p>${escaped(description)}</p>` : ''
  const isNumber = panel.kind === PanelKind.PANEL_KIND_NUMBER ? ' class="number"' : ''
  return `<section${isNumber}>\n<h2>${escaped(title)}</h2>\n${about}${bodyOf(panel, content)}\n</section>`
}

function bodyOf(panel: PanelContent, content: Content): string {
  const { kind, series, unit, problem } = panel
  const { language } = content
  const say = words[language]
  if (problem) return `<p class="problem">${escaped(problem)}</p>`
  if (series.length === 0) return `<p>${escaped(say.nothing)}</p>`
  const left = leftOf(panel)
  const more = left > 0 ? `<p>${escaped(say.left(left))}</p>` : ''
  const name = (index: number) => escaped(series[index] ? seriesName(language, series[index]) : '')
  const values = series.map(({ total, unit: own }) => escaped(valueText(language, total, unit || own)))
  if (kind === PanelKind.PANEL_KIND_NUMBER) {
    const figures = values.map((value, at) => `<p><b>${value}</b>${series.length > 1 ? ` ${name(at)}` : ''}</p>`)
    return figures.join('') + more
  }
  if (kind === PanelKind.PANEL_KIND_TABLE) {
    const rows = values.map((value, at) => `<tr><td>${name(at)}</td><td>${value}</td></tr>`).join('')
    const head = `<tr><th scope="col">${escaped(say.series)}</th><th scope="col">${escaped(say.value)}</th></tr>`
    return `<table><thead>${head}</thead><tbody>${rows}</tbody></table>${more}`
  }
  const legend = series.slice(0, mostLines).map((_, at) => {
    return `<li><i style="background:${colorOf(at)}"></i>${name(at)} <b>${values[at] ?? ''}</b></li>`
  })
  return `${chartOf(panel, content)}<ul class="legend">${legend.join('')}</ul>${more}`
}

/** @returns how many series of a panel are not to be seen. */
export function leftOf({ kind, series, left }: PanelContent): number {
  const isChart = kind === PanelKind.PANEL_KIND_LINE || kind === PanelKind.PANEL_KIND_BAR
  return left + (isChart ? Math.max(0, series.length - mostLines) : 0)
}

const style = `
body{font:15px/1.5 Pretendard,"Apple SD Gothic Neo","Malgun Gothic","Noto Sans KR",system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}
h1{margin:0;font-size:1.6rem}h2{margin:0 0 .3rem;font-size:1rem}header p,footer{color:#555;margin:.2rem 0}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:1rem;margin:1.5rem 0}
section{grid-column:1/-1;border:1px solid #ddd;border-radius:6px;padding:.8rem 1rem;break-inside:avoid}
section.number{grid-column:auto}section.number b{font-size:1.7rem}section p{margin:0}
svg{width:100%;height:auto}.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;margin:.3rem 0 0;font-size:.85rem}
.legend i{display:inline-block;width:.7em;height:.7em;margin-right:.4em;border-radius:2px}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.2rem .5rem;border-bottom:1px solid #eee}th+th,td+td{text-align:right}
.problem{color:#b00020}`.trim()
