/** What the directory needs of `node:fs/promises`; tests put faults into it. */
export interface Files {
  open(file: string, flags: 'r' | 'wx'): Promise<FileHandle>
  link(from: string, to: string): Promise<void>
  unlink(file: string): Promise<void>
  /** Answers with the first folder that it made, if any. */
  mkdir(folder: string, options: { readonly recursive: true }): Promise<string | undefined>
  readdir(folder: string): Promise<string[]>
  stat(file: string): Promise<{ readonly size: number; readonly mtimeMs: number }>
}

export interface ReadHandle {
  read(
    into: Uint8Array,
    at: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>
  close(): Promise<void>
}

export interface WriteHandle {
  write(
    bytes: Uint8Array,
    from: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>
  sync(): Promise<void>
  close(): Promise<void>
}

export interface FileHandle extends ReadHandle, WriteHandle {}

/** What the operating system says, `ENOENT` and the like; not by `instanceof`, since jest runs tests in another realm. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  const { code } = error
  return typeof code === 'string' && /^E(?!RR_)[A-Z0-9]+(?:_[A-Z]+)?$/.test(code) ? code : undefined
}
