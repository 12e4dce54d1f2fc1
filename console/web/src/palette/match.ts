/** How well what is typed fits a text. Korean is found by initial consonants, and by a syllable that is not finished yet. Pure. */
import { disassemble } from 'es-hangul'

const syllable = /[가-힣]/
const consonantsOnly = /^[ㄱ-ㅎ]+$/

/** `김철수 users` -> `ㄱㅊㅅ users`. */
const initialsOf = (text: string) => text.replace(/[가-힣]/g, letter => disassemble(letter)[0] ?? letter)

/** @returns 0 when it does not fit, else the more the better. Each word typed must be found. */
export function fit(typed: string, title: string, words = ''): number {
  const parts = clean(typed).split(/\s+/).filter(Boolean)
  const [name, more] = [clean(title), clean(words)]
  let score = 0
  for (const part of parts) {
    const found = Math.max(fitWord(part, name) * 2, fitWord(part, more))
    if (found === 0) return 0
    score += found
  }
  return parts.length === 0 ? 1 : score / parts.length
}

function fitWord(part: string, text: string): number {
  if (text.startsWith(part)) return 5
  const at = text.indexOf(part)
  if (at > 0) return startsWord(text, at) ? 4 : 3
  // A keyboard joins consonants: ㄳ for ㄱㅅ.
  if (consonantsOnly.test(part)) return fitPlain(disassemble(part), initialsOf(text))
  if (syllable.test(part) || /[ㄱ-ㅎㅏ-ㅣ]/.test(part)) return fitPlain(disassemble(part), disassemble(text))
  return part.length > 1 && isSubsequence(part, text) ? 1 : 0
}

function fitPlain(part: string, text: string): number {
  const at = text.indexOf(part)
  if (at < 0) return 0
  return at === 0 ? 4 : startsWord(text, at) ? 3 : 2
}

const startsWord = (text: string, at: number) => /[\s/._:-]/.test(text[at - 1] ?? ' ')

/** `lsusr` is in `listusers`. */
function isSubsequence(part: string, text: string): boolean {
  let at = 0
  for (const letter of text) if (letter === part[at]) at++
  return at === part.length
}

const clean = (text: string) => text.normalize('NFC').toLowerCase().trim()
