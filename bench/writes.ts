import { randomBytes, randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect, openChannel } from '../lib/rpc/connect.ts'
import { AliasServiceService, SetAliasRequest } from '../proto/gen/merge/image/v1/alias.ts'
import { FacilityServiceService } from '../proto/gen/merge/image/v1/facility.ts'
import { ImageServiceService } from '../proto/gen/merge/image/v1/image.ts'
import { startTestbed } from '../testbed/testbed.ts'

// How many changes a second a portal makes durable for CLIENTS (16) that send one after another: moves of aliases, which take
// turns at the generation of names, and changes of one facility each, which do not. SECONDS (10) of each.

const clients = Number(process.env['CLIENTS'] ?? 16)
const seconds = Number(process.env['SECONDS'] ?? 10)
const ticksPerSecond = 100

await using testbed = await startTestbed([], { insecure: true })
const { portalAddress, portal, folder } = testbed
using channel = openChannel(portalAddress, 'admin')
const aliases = connect(AliasServiceService, channel)
const facilities = connect(FacilityServiceService, channel)

const file = join(folder, 'disk.raw')
await writeFile(file, randomBytes(1 << 20))
await testbed.mrg('publish', file, '--as', 'debian-13')
const { images } = await connect(ImageServiceService, channel).listImages({
  ...{ filter: undefined, pageSize: 1, pageToken: '' },
})
const image = images[0]?.name ?? ''
for (let i = 0; i < clients; i++) {
  const made = { requestId: randomUUID(), name: `f${i}`, displayName: '', arch: '' }
  await facilities.createFacility(made)
}

async function cpu(): Promise<number> {
  const stat = await readFile(`/proc/${portal.process.pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')')).split(' ').slice(12, 14)
  return fields.map(Number).reduce((sum, ticks) => sum + ticks, 0) / ticksPerSecond
}

async function measure(what: string, call: (client: number) => Promise<unknown>): Promise<void> {
  const latencies: number[] = []
  const started = performance.now()
  const before = await cpu()
  const send = async (client: number): Promise<void> => {
    while (performance.now() - started < seconds * 1000) {
      const at = performance.now()
      await call(client)
      latencies.push(performance.now() - at)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, i) => send(i)))
  const took = (performance.now() - started) / 1000
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(1)
  const rate = (latencies.length / took).toFixed(0)
  const spent = (((await cpu()) - before) * 1000) / latencies.length
  process.stdout.write(`| ${what} | ${rate} | ${at(0.5)} | ${at(0.99)} | ${spent.toFixed(2)} |\n`)
}

process.stdout.write(`${clients} clients:

| change | a second | median, ms | 99 %, ms | CPU of the portal, ms each |
|---|---|---|---|---|
`)
for (const round of ['warm-up: ', '']) {
  await measure(`${round}SetAlias`, (client) =>
    aliases.setAlias(
      SetAliasRequest.create({ requestId: randomUUID(), alias: `a${client}`, image }),
    ),
  )
  await measure(`${round}PutQuota`, (client) =>
    facilities.putQuota({
      requestId: randomUUID(),
      facility: `f${client}`,
      customQuotaBytes: 1_000_000_000n,
      customDays: 30,
    }),
  )
}
