import { z } from 'zod'
import { bucketUrl, serverSettings } from '../lib/chunks/given.ts'
import { offerSettings } from '../lib/offered/settings.ts'
import { metricsSettings } from '../lib/metrics/settings.ts'
import { byteRate } from '../lib/rates.ts'
import type { Settings } from '../lib/settings.ts'
import { isSafe } from './identity/issuer.ts'
import { address, flag, processSettings, text, time, upkeepSettings } from '../lib/upkeep.ts'

const day = 24 * 60 * 60 * 1000

const builds = (usual: number) =>
  z
    .string()
    .regex(/^\d{1,4}$/, 'must be a count of builds, 0 to 9999')
    .default(String(usual))
    .transform(Number)

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
    schema: address.default('127.0.0.1:7410'),
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
    schema: bucketUrl.optional(),
  },
  ...serverSettings,
  archiveDir: {
    about: 'keep archived images in this folder; without it or a bucket nothing can be archived',
    value: 'DIR',
    schema: text.optional(),
  },
  archiveBucket: {
    about: 'keep archived images in s3://BUCKET/PREFIX rather than in a folder',
    value: 'S3-URL',
    schema: bucketUrl.optional(),
  },
  archiveStorageClass: {
    about: 'the storage class of its objects; one that can be read at once, as STANDARD_IA can',
    value: 'CLASS',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the name of a storage class')
      .optional(),
  },
  archiveS3Endpoint: {
    about: "the archive's S3 server, if it is not the store's; the next three are of this one then",
    value: 'URL',
    schema: z.url('must be http(s)://host:port').optional(),
  },
  archiveS3Region: { about: 'its region', value: 'REGION', schema: text.optional() },
  archiveS3Ca: {
    about: "a file of the certificates (PEM) that vouch for the archive's S3 server",
    value: 'FILE',
    schema: text.optional(),
  },
  archiveS3PathStyle: { about: 'ask it for endpoint/bucket/key', schema: flag },
  serveRate: {
    about:
      'bytes a second of chunks and offered images that are sent at most, to all together; without end if not given',
    value: 'SIZE',
    schema: byteRate,
  },
  ...offerSettings,
  collectEvery: {
    about: 'how often what nothing needs is collected; 1h if not given, 0 for only when asked',
    value: 'TIME',
    schema: time('1h'),
  },
  buildsAtOnce: {
    about: "how many of the portal's own builds run at once; 20 if not given",
    value: 'COUNT',
    schema: builds(20),
  },
  facilityBuildsAtOnce: {
    about: "how many of each facility's builds run at once; 4 if not given",
    value: 'COUNT',
    schema: builds(4),
  },
  facilityRecipeBytes: {
    about: 'what the recipes of one facility take at most, in all versions; 67108864 if not given',
    value: 'BYTES',
    schema: z
      .string()
      .regex(/^[1-9]\d{5,14}$/, 'must be a count of bytes, 100000 or more')
      .default('67108864')
      .transform(Number),
  },
  keepLogs: {
    about: 'how long logs of builds are kept (docs/builds.md); 400d if not given, 0 for ever',
    value: 'TIME',
    schema: time('400d'),
  },
  ...metricsSettings,
  ...upkeepSettings,
  undelete: {
    about: 'how long what is collected can be brought back; 7d if not given',
    value: 'TIME',
    schema: time('7d'),
  },
  domain: {
    about: 'the trust domain of the certificates that the portal issues; merge-image if not given',
    value: 'NAME',
    schema: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, - and .')
      .default('merge-image'),
  },
  hosts: {
    about: 'names and addresses of the portal, for tools that look at them; with commas between',
    value: 'HOST,...',
    schema: z
      .string()
      .regex(/^[A-Za-z0-9.:-]+(,[A-Za-z0-9.:-]+)*$/, 'must be names or addresses')
      .optional()
      .transform((hosts) => hosts?.split(',') ?? []),
  },
  caCert: {
    about: "an authority of your own, in PEM, rather than the portal's (docs/security.md)",
    value: 'FILE',
    schema: text.optional(),
  },
  caKey: { about: 'its key, on P-256, in PEM', value: 'FILE', schema: text.optional() },
  newAuthority: {
    about: 'take this authority in place of the one before; every agent joins again',
    schema: flag,
  },
  certificatesFor: {
    about: 'how long certificates are valid, renewed at half of it; 7d if not given',
    value: 'TIME',
    schema: time('7d').refine((ms) => ms >= 2000 && ms <= 400 * day, 'must be from 2s to 400d'),
  },
  oidcIssuer: {
    about: 'whose tokens people and pipelines may come with (OpenID Connect)',
    value: 'URL',
    schema: z
      .url('must be an address, https://…')
      .refine(isSafe, 'must be an address with TLS, https://…')
      .optional(),
  },
  oidcAudience: {
    about: 'for whom these tokens have to be; needed with --oidc-issuer',
    value: 'NAME',
    schema: text.optional(),
  },
  oidcAlgorithms: {
    about: 'how they may be signed, with commas between; RS256,ES256,EdDSA if not given',
    value: 'NAME,...',
    schema: z
      .string()
      .regex(/^((RS|PS|ES)(256|384|512)|EdDSA)(,((RS|PS|ES)(256|384|512)|EdDSA))*$/, {
        error: 'must be of RS256, PS256, ES256 and so on, or EdDSA',
      })
      .default('RS256,ES256,EdDSA')
      .transform((names) => names.split(',')),
  },
  noReflection: { about: 'do not answer grpc.reflection', schema: flag },
  ...processSettings,
} satisfies Settings
