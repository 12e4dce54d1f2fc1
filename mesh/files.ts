import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileError } from './errors.ts'

/** Writes a file that only this user may read, as a whole or not at all. */
export function writePrivate(file: string, text: string): void {
  const temporary = `${file}.${process.pid}`
  try {
    const fd = openSync(temporary, 'w', 0o600)
    writeSync(fd, text)
    fsyncSync(fd)
    closeSync(fd)
    renameSync(temporary, file)
  } catch (error) {
    throw fileError(error, dirname(file))
  }
}

/**
 * Makes a folder and those above it, each for this user only. Not by mkdir's own recursion: where the system refuses with ENOENT, as
 * /proc does, Node tries for ever.
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    // Another start may have been quicker.
    if (!existsSync(folder)) throw error
  }
}
