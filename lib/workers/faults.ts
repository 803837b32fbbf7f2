import { errorCode, exhausted, Failure, precondition } from '../failure.ts'

/** The failure that an error from reading a file means; anything unforeseen stays as it is. */
export function readFault(path: string, error: unknown): unknown {
  const code = errorCode(error)
  if (error instanceof Failure || code === undefined) return error
  return precondition('UNREADABLE', `cannot read ${path}: ${readAdvice(code)}`, { path }, error)
}

/** The failure that an error from writing a file means. */
export function writeFault(path: string, error: unknown): unknown {
  const code = errorCode(error)
  if (error instanceof Failure || code === undefined) return error
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const advice = 'make room there, or write elsewhere, and try again'
    return exhausted('DISK_FULL', `no space is left for ${path}: ${advice}`, { path }, error)
  }
  return precondition('UNWRITABLE', `cannot write ${path}: ${writeAdvice(code)}`, { path }, error)
}

/** Does what writes to a file; what goes wrong says what to do. */
export async function writing<T>(target: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    throw writeFault(target, error)
  }
}

/** A file that is not what it was when reading began. */
export function fileChanged(path: string): Failure {
  const advice = 'stop what writes to it, and try again'
  return precondition('FILE_CHANGED', `${path} changed while it was read: ${advice}`, { path })
}

function readAdvice(code: string): string {
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES' || code === 'EPERM') return 'this user has no right to read it'
  if (code === 'EISDIR') return 'it is a directory; name a file'
  return code
}

function writeAdvice(code: string): string {
  if (code === 'ENOENT') return 'its directory is not there; make it first'
  if (code === 'EACCES' || code === 'EPERM') return 'this user has no right to write there'
  if (code === 'EROFS') return 'the file system is mounted read-only'
  if (code === 'ENOTDIR') return 'a part of the path is a file, not a directory'
  if (code === 'EISDIR') return 'it is a directory; name a file'
  if (code === 'EEXIST') return 'a file is where its directory has to be'
  if (code === 'EFBIG') return 'files of this size are not allowed there'
  return code
}
