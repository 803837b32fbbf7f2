import { z } from 'zod'
import { durationMs, durationPattern, durationRule } from '../lib/duration.ts'
import type { Settings } from '../lib/settings.ts'

const text = z.string({ error: 'is missing' }).min(1, 'is missing')
const flag = z
  .enum(['true', 'false', '1', '0', ''], 'is a switch: true or false')
  .default('false')
  .transform((value) => value === 'true' || value === '1')

const time = (usual: string) =>
  z.string().regex(durationPattern, durationRule).default(usual).transform(durationMs)

/** What `merge-image portal` can be told; docs and --help are made from this. */
export const portalSettings = {
  data: {
    about: 'where the portal keeps its files; made if it is not there',
    value: 'DIR',
    schema: text,
  },
  listen: {
    about: 'where to answer; 127.0.0.1:7410 if not given, port 0 for any free one',
    value: 'HOST:PORT',
    schema: z
      .string()
      .regex(/^.+:\d{1,5}$/, 'must be host:port')
      .default('127.0.0.1:7410'),
  },
  database: {
    about: 'a PostgreSQL 15 or newer; the embedded one if not given',
    value: 'URL',
    schema: z
      .string()
      .regex(/^postgres(ql)?:\/\//, 'must be postgres://…')
      .optional(),
  },
  bucket: {
    about: 'keep chunks in s3://BUCKET/PREFIX rather than in the data directory',
    value: 'S3-URL',
    schema: z
      .string()
      .regex(/^s3:\/\/[a-z0-9.-]{3,63}(\/.*)?$/, 'must be s3://bucket/prefix')
      .optional(),
  },
  s3Endpoint: {
    about: "the S3 server, if it is not Amazon's; credentials come from the usual AWS places",
    value: 'URL',
    schema: z.url('must be http(s)://host:port').optional(),
  },
  s3Region: {
    about: 'its region; that of AWS_REGION or the profile if not given, or us-east-1',
    value: 'REGION',
    schema: text.optional(),
  },
  s3Ca: {
    about: "a file of the certificates (PEM) that vouch for the S3 server's, beside the usual ones",
    value: 'FILE',
    schema: text.optional(),
  },
  s3PathStyle: {
    about: 'ask for endpoint/bucket/key, as most servers that are not Amazon want it',
    schema: flag,
  },
  collectEvery: {
    about: 'how often what nothing needs is collected; 1h if not given, 0 for only when asked',
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
  undelete: {
    about: 'how long what is collected can be brought back; 7d if not given',
    value: 'TIME',
    schema: time('7d'),
  },
  insecureDev: {
    about: 'DEVELOPMENT ONLY: no TLS, every caller is whoever it says it is',
    schema: flag,
  },
  noReflection: { about: 'do not answer grpc.reflection', schema: flag },
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
