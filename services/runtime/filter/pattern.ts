/** Regular expressions of text that a caller wrote, for MongoDB. */

/**
 * @returns the text with every character that means something in a pattern escaped. Letters and digits stay as they are, which
 * lets an index find what begins with the text; `RegExp.escape` escapes the first of them, and the index is scanned as a whole.
 */
function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}

/** @returns a pattern for what begins with the text. An index on the field finds it. */
export const startingWith = (text: string) => ({ $regex: `^${escapePattern(text)}` })

/** @returns a pattern for what ends with the text. Every key of an index has to be looked at. */
export const endingWith = (text: string) => ({ $regex: `${escapePattern(text)}\\z` })
