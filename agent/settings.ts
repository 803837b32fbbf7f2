import { z } from 'zod'
import { durationMs, durationPattern, durationRule } from '../lib/duration.ts'
import type { Settings } from '../lib/settings.ts'

const text = z.string({ error: 'is missing' }).min(1, 'is missing')
const address = z.string({ error: 'is missing' }).regex(/^.+:\d{1,5}$/, 'must be host:port')

const time = (usual: string) =>
  z.string().regex(durationPattern, durationRule).default(usual).transform(durationMs)

/** What `merge-image agent` can be told; docs and --help are made from this. */
export const agentSettings = {
  facility: {
    about: 'whose agent this is, as the portal knows it',
    value: 'NAME',
    schema: text,
  },
  portal: {
    about: 'where the portal answers; 127.0.0.1:7410 if not given',
    value: 'HOST:PORT',
    schema: address.default('127.0.0.1:7410'),
  },
  data: {
    about: 'where the agent keeps its chunks; made if it is not there',
    value: 'DIR',
    schema: text,
  },
  socket: {
    about: 'where mrs-image finds the agent; DIR/agent.sock if not given',
    value: 'PATH',
    schema: text.optional(),
  },
  listen: {
    about: 'where to serve chunks to other facilities; not at all if not given',
    value: 'HOST:PORT',
    schema: address.optional(),
  },
  advertise: {
    about: 'where other facilities find that; as --listen if not given',
    value: 'HOST:PORT',
    schema: address.optional(),
  },
  collectEvery: {
    about: 'how often what no image here needs is collected; 1h if not given, 0 for never',
    value: 'TIME',
    schema: time('1h'),
  },
  collectGrace: {
    about: 'how old a chunk is at least that is collected; 1h if not given',
    value: 'TIME',
    schema: time('1h'),
  },
  scrubEvery: {
    about: 'how often all chunks are read and looked at; 7d if not given, 0 for never',
    value: 'TIME',
    schema: time('7d'),
  },
  scrubRate: {
    about: 'bytes a second that this reads at most; 50000000 if not given',
    value: 'BYTES',
    schema: z
      .string()
      .regex(/^[1-9]\d{3,14}$/, 'must be a count of bytes, 1000 or more')
      .default('50000000')
      .transform(Number),
  },
  insecureDev: {
    about: 'DEVELOPMENT ONLY: no TLS, every caller is whoever it says it is',
    schema: z
      .enum(['true', 'false', '1', '0', ''], 'is a switch: true or false')
      .default('false')
      .transform((value) => value === 'true' || value === '1'),
  },
  logLevel: {
    about: 'info if not given',
    value: 'LEVEL',
    schema: z
      .enum(
        ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
        'must be trace … error or silent',
      )
      .default('info'),
  },
} satisfies Settings
