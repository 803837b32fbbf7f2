import { rmSync } from 'node:fs'

export default async function teardown(): Promise<void> {
  await globalThis.embeddedPostgres?.[Symbol.asyncDispose]()
  const dir = process.env['TEST_POSTGRES_DIR']
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
}
