/** A problem the operator can mend: its message is one sentence that says what is wrong and what to do, shown without a stack. */
export class MeshError extends Error {
  override name = 'MeshError'
}

/** Why a request of a caller was not even begun: a wrong argument, a name that is not known, or a state that does not allow it now. */
export class Refused extends MeshError {
  override name = 'Refused'
  readonly kind: 'invalid' | 'unknown' | 'state'

  constructor(kind: Refused['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

/** What any thrown value says, in one line. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

const fileProblems: Record<string, string> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'it is on a read-only file system',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOENT: 'it cannot be made there',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a file is where a folder should be',
}

/** Turns a failed write under `folder` into a MeshError; anything else is returned as it is. */
export function fileError(error: unknown, folder: string): unknown {
  const problem = fileProblems[(error as NodeJS.ErrnoException)?.code ?? '']
  if (!problem) return error
  return new MeshError(
    `${folder} cannot be used: ${problem}. Make room or rights, or set SITE11_HOME to another folder.`,
  )
}
