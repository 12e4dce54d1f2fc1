/**
 * Search by prefix: what is stored of a user, and what is looked up for the words typed. A Korean word is found by its
 * beginning, by the beginning of a later syllable (김철수 by 철수) and by initial consonants (by ㄱㅊㅅ).
 */
import { disassemble, getChoseong } from 'es-hangul'

const hangulSyllable = /[가-힣]/
const punctuation = /\p{P}+/u
const jamoOnly = /^[ㄱ-ㅎ]+$/

/** Later syllables of longer words are not searched: names are short, and the tokens of a word grow with its square. */
const maxSyllables = 10

/** @returns the tokens of a user, each once: lower case, NFC. Typed words match where a token begins with them. */
export function searchTokens(email: string, displayName: string): string[] {
  const tokens = new Set([email])
  const words = wordsOf(displayName)
  for (const word of words.concat(words.flatMap(innerWords))) {
    tokens.add(word)
    if (!hangulSyllable.test(word)) continue
    const characters = [...word]
    const starts = characters.length <= maxSyllables ? characters.length : 1
    for (let start = 0; start < starts; start++) {
      const rest = characters.slice(start).join('')
      tokens.add(rest)
      const initials = getChoseong(rest)
      if (initials) tokens.add(initials)
    }
  }
  return [...tokens]
}

/**
 * @returns the prefixes that a user must have a token for, one for each word typed. Consonants that a keyboard has joined
 * (ㄳ for ㄱㅅ) are taken apart.
 */
export function searchPrefixes(typed: string): string[] {
  return wordsOf(typed).map(word => (jamoOnly.test(word) ? disassemble(word) : word))
}

/** @returns what stands between punctuation: Luc of Jean-Luc, Bob of (Bob). */
function innerWords(word: string): string[] {
  return punctuation.test(word) ? word.split(punctuation).filter(Boolean) : []
}

function wordsOf(text: string): string[] {
  return text.normalize('NFC').toLowerCase().split(/\s+/).filter(Boolean)
}
