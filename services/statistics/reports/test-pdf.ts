/** The text of a PDF as pdfkit writes it: glyphs, with a table for each font that says what they stand for. */
import { inflateSync } from 'node:zlib'

/** @returns the text in the order in which it is drawn, without the spaces that are made by moving on. */
export function pdfText(bytes: Uint8Array): string {
  const source = Buffer.from(bytes).toString('latin1')
  const objects = new Map(
    [...source.matchAll(/(\d+) 0 obj\n([\s\S]*?)\nendobj/g)].map(([, id, body = '']) => [id, body]),
  )
  const streamOf = (id: string | undefined) => {
    const [, data = ''] = /stream\n([\s\S]*)\nendstream/.exec(objects.get(id) ?? '') ?? []
    return data ? inflateSync(Buffer.from(data, 'latin1')).toString('latin1') : ''
  }
  const fonts = new Map<string, string[]>()
  for (const body of objects.values()) {
    for (const [, name = '', id] of body.matchAll(/\/(F\d+) (\d+) 0 R/g)) {
      const [, table] = /\/ToUnicode (\d+) 0 R/.exec(objects.get(id) ?? '') ?? []
      const list = [...streamOf(table).matchAll(/\[(<[^\]]*)\]/g)].map(([, each = '']) => each).join(' ')
      fonts.set(
        name,
        [...list.matchAll(/<([0-9a-f ]*)>/g)].map(([, codes = '']) => textOf(codes)),
      )
    }
  }
  let text = ''
  for (const body of objects.values()) {
    const [, contents] = /\/Contents (\d+) 0 R/.exec(body) ?? []
    let glyphs: string[] = []
    for (const [, font, shown] of streamOf(contents).matchAll(/\/(F\d+) [\d.]+ Tf|\[(.*?)\] TJ/g)) {
      if (font) glyphs = fonts.get(font) ?? []
      for (const [, hex = ''] of (shown ?? '').matchAll(/<([0-9a-f]+)>/g))
        for (const [glyph] of hex.matchAll(/.{4}/g)) text += glyphs[Number.parseInt(glyph, 16)] ?? '?'
    }
  }
  return text
}

/** UTF-16 in hexadecimal digits. */
const textOf = (codes: string) =>
  [...codes.replaceAll(' ', '').matchAll(/.{4}/g)]
    .map(([code]) => String.fromCharCode(Number.parseInt(code, 16)))
    .join('')
