import { expect, test } from '@jest/globals'
import type { Method } from '../../lib/rpc/service.ts'
import { HoldServiceService } from '../../proto/gen/merge/image/v1/hold.ts'
import { AliasServiceService } from '../../proto/gen/merge/image/v1/alias.ts'
import { BuildServiceService } from '../../proto/gen/merge/image/v1/build.ts'
import { CatalogServiceService } from '../../proto/gen/merge/image/v1/catalog.ts'
import { FacilityServiceService } from '../../proto/gen/merge/image/v1/facility.ts'
import { ImageServiceService } from '../../proto/gen/merge/image/v1/image.ts'
import { ResolverServiceService } from '../../proto/gen/merge/image/v1/resolver.ts'
import { RetentionServiceService } from '../../proto/gen/merge/image/v1/retention.ts'
import { SourceServiceService } from '../../proto/gen/merge/image/v1/source.ts'
import { UploadServiceService } from '../../proto/gen/merge/image/v1/upload.ts'
import { isAudited } from '../../services/audited.ts'

const methods = [
  AliasServiceService,
  BuildServiceService,
  CatalogServiceService,
  FacilityServiceService,
  HoldServiceService,
  ImageServiceService,
  ResolverServiceService,
  RetentionServiceService,
  SourceServiceService,
  UploadServiceService,
].flatMap((service) => Object.values<Method>(service))

/** Whether a request of it carries an id, as that of every mutation does. */
function isMutation({ requestDeserialize }: Method): boolean {
  return 'requestId' in Object(requestDeserialize(Buffer.alloc(0)))
}

test.each(methods.filter(isMutation).map(({ path }) => path))('%s is in the log', (path) => {
  expect(isAudited(path)).toBe(true)
})
