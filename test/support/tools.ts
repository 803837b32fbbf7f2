import { execFileSync } from 'node:child_process'
import { describe } from '@jest/globals'

/** A story for machines that have these tools; CI has to have them. */
export function storyWith(
  what: string,
  tools: readonly string[],
): typeof describe | typeof describe.skip {
  if (process.env['CI'] !== undefined) return describe
  const absent = tools.filter((tool) => !isHere(tool))
  if (absent.length === 0) return describe
  process.stdout.write(`without ${what}: ${absent.join(', ')} not installed\n`)
  return describe.skip
}

function isHere(tool: string): boolean {
  try {
    execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin command -v ${tool}`])
    return true
  } catch {
    return false
  }
}
