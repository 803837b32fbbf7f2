import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { errorCode, precondition } from '../failure.ts'
import { flag, text } from '../upkeep.ts'
import type { Settings } from '../settings.ts'
import type { ObjectsOptions } from './objects.ts'

export const bucketUrl = z
  .string()
  .regex(/^s3:\/\/[a-z0-9.-]{3,63}(\/.*)?$/, 'must be s3://bucket/prefix')

/** The S3 server that a process can be told. */
export const serverSettings = {
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
} satisfies Settings

export interface ServerSettings {
  readonly s3Endpoint?: string | undefined
  readonly s3Region?: string | undefined
  readonly s3Ca?: string | undefined
  readonly s3PathStyle: boolean
}

/** A bucket, `s3://BUCKET/PREFIX`, on the server that is given. */
export async function bucketAt(
  address: string,
  { s3Endpoint: endpoint, s3Region: region, s3Ca, s3PathStyle: pathStyle }: ServerSettings,
  newUuid: () => string,
): Promise<ObjectsOptions> {
  const { host, pathname } = new URL(address)
  const prefix = pathname.replace(/^\/+|\/+$/g, '')
  return {
    bucket: host,
    prefix: prefix === '' ? '' : `${prefix}/`,
    pathStyle,
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(s3Ca === undefined ? {} : { ca: await certificates(s3Ca) }),
    random: () => parseInt(newUuid().slice(0, 8), 16) / 2 ** 32,
  }
}

async function certificates(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const why = `--s3-ca: ${file} cannot be read (${errorCode(error) ?? String(error)})`
    throw precondition('UNREADABLE', why, { path: file }, error)
  }
}
