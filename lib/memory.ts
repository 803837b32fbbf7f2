/** Whether others may have a part of the memory that the bytes lie in: Node cuts small buffers from a common one. */
function isShared({ buffer }: Uint8Array): boolean {
  return !(buffer instanceof ArrayBuffer) || buffer.byteLength <= Buffer.poolSize
}

/**
 * Gives back the memory of bytes that nobody uses any more. The garbage collector would find it as well, but it lets some
 * 80 MB in every thread pile up before it looks, and looking costs more than the work itself.
 */
export function release(bytes: Uint8Array): void {
  if (!isShared(bytes)) (bytes.buffer as ArrayBuffer).transfer(0)
}

/** The bytes in memory that can move to another thread. */
export function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return isShared(bytes) ? Uint8Array.from(bytes) : (bytes as Uint8Array<ArrayBuffer>)
}
