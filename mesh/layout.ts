/** Text for a terminal of some width. */
import { stripVTControlCharacters, styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Wide enough to read where there is no terminal. */
const otherwise = 100

/** Characters in a line. */
export const terminalWidth = () => process.stdout.columns || otherwise

/** Breaks text between words into lines of at most `width` characters, each behind `indent`, the first behind `first` instead. */
export function wrap(text: string, width: number, indent = '', first = indent): string {
  const lines: string[] = []
  let line = first
  let empty = true
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (!empty && lengthOf(line) + 1 + lengthOf(word) > width) {
      lines.push(line)
      line = indent
      empty = true
    }
    line += empty ? word : ` ${word}`
    empty = false
  }
  return [...lines, line].join('\n')
}

export interface Cell {
  text: string
  style?: Style | undefined
}

/** Columns under their titles, as wide as what is in them. */
export function table(titles: string[], rows: Cell[][]): string[] {
  const all = [titles.map(text => ({ text })), ...rows]
  const widths = titles.map((_, column) => Math.max(...all.map(row => row[column]?.text.length ?? 0)))
  const line = (cells: Cell[]) => {
    const last = cells.findLastIndex(({ text }) => text !== '')
    return cells
      .slice(0, last + 1)
      .map(({ text, style }, column) => {
        const padded = column === last ? text : text.padEnd(widths[column] ?? 0)
        return style ? styleText(style, padded) : padded
      })
      .join('  ')
  }
  return [line(titles.map(text => ({ text, style: 'dim' }))), ...rows.map(line)]
}

const lengthOf = (text: string) => stripVTControlCharacters(text).length
