import { resolve as absolute } from 'node:path'
import { unavailable } from '../lib/failure.ts'
import { connect } from '../lib/rpc/connect.ts'
import {
  ImportOutcome,
  LocalServiceService,
  type ImportResponse,
} from '../proto/gen/merge/image/v1/local.ts'
import { command, type Answer } from './command.ts'
import { present } from './find.ts'
import { imported } from './imported.ts'
import { parseDays } from './own.ts'
import { checked } from './portable.ts'
import { bytes } from './units.ts'

/** Into a facility's own store. */
export const importHere = command({
  verb: 'import',
  object: 'image',
  summary: 'take an image in from a portable file, with the same digest',
  arguments: ['FILE'],
  flags: {
    as: { value: 'TARGET', about: "make it the facility's own as this, whatever it was" },
    days: { value: 'DAYS', about: 'how long it is kept; as usual at the facility if not given' },
    shared: { about: 'let other facilities have it' },
    candidate: { about: 'do not release it yet: only its exact name finds it' },
    check: { about: 'only check the file, to its last byte; no agent is asked' },
  },
  about:
    'Where the portal wants exactly this image here, it is here then, and nothing of it is fetched: a disk carries what a\n' +
    "line would. Otherwise it becomes an image of the facility's own, in the line that it was of, with the day of then and\n" +
    'the next serial; its bytes stay here. The agent reads the file, so its user must be allowed to.',
  examples: [
    'import /media/disk/debian-13.1-std-x86-20260615.image.tar',
    'import paper-artifact.image.tar --as debian-13-paper42 --days 366',
  ],
  async run(context, [file], { as: target = '', candidate = false, shared = false, ...more }) {
    const { channel, folder, signal, now } = context
    const path = absolute(folder, file)
    if (more.check === true) return checked(context, path)
    const start = now()
    const days = parseDays(more.days, 'import')
    using meter = context.meter()
    let last: ImportResponse | undefined
    const request = { path, target, days, shared, candidate }
    for await (const step of connect(LocalServiceService, channel).import(request, { signal })) {
      last = step
      const [doneBytes, totalBytes] = [Number(step.readBytes), Number(step.totalBytes)]
      const detail = `${bytes(step.newBytes)} new`
      meter.show({ label: `importing ${path}`, doneBytes, totalBytes, detail })
    }
    if (last?.image !== undefined) return told(last, now() - start)
    const advice = '`mrs-image list` shows what is here'
    throw unavailable('NOT_READY', `The agent stopped telling before the end; ${advice}.`)
  },
})

const outcomes = {
  [ImportOutcome.IMPORT_OUTCOME_PRESENT]: 'present',
  [ImportOutcome.IMPORT_OUTCOME_WANTED]: 'wanted',
  [ImportOutcome.IMPORT_OUTCOME_CUSTOM]: 'custom',
  [ImportOutcome.IMPORT_OUTCOME_UNSPECIFIED]: 'custom',
  [ImportOutcome.UNRECOGNIZED]: 'custom',
} as const

function told(
  { image, outcome, source, readBytes, newBytes }: ImportResponse,
  elapsedMs: number,
): Answer {
  return imported({
    image: present(image),
    outcome: outcomes[outcome],
    source,
    readBytes: Number(readBytes),
    newBytes: Number(newBytes),
    elapsedMs,
  })
}
