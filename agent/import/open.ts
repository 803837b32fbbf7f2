import type { Place, PlaceKind } from '../../lib/sources/place.ts'
import { directoryOrigin } from './directory.ts'
import { githubArtifactsOrigin } from './github-artifacts.ts'
import { githubReleasesOrigin } from './github-releases.ts'
import { gitlabArtifactsOrigin } from './gitlab-artifacts.ts'
import { gitlabPackagesOrigin } from './gitlab-packages.ts'
import { httpOrigin } from './http.ts'
import { ociOrigin } from './oci.ts'
import type { Origin, OriginDeps } from './origin.ts'
import { s3Origin } from './s3.ts'
import { simplestreamsOrigin } from './simplestreams.ts'

type Of<K extends PlaceKind> = Extract<Place, { readonly kind: K }>

/** One row a kind: a new one does not compile until it has one. */
const kinds: {
  readonly [K in PlaceKind]: (place: Of<K>, deps: OriginDeps) => Origin | Promise<Origin>
} = {
  directory: directoryOrigin,
  http: httpOrigin,
  s3: s3Origin,
  oci: ociOrigin,
  simplestreams: simplestreamsOrigin,
  'gitlab-packages': gitlabPackagesOrigin,
  'gitlab-artifacts': gitlabArtifactsOrigin,
  'github-releases': githubReleasesOrigin,
  'github-artifacts': githubArtifactsOrigin,
}

/** Makes ready to look at a place; nothing is asked of it before its items are. */
export async function openOrigin(
  place: Place,
  deps: OriginDeps,
  signal?: AbortSignal,
): Promise<Origin> {
  signal?.throwIfAborted()
  const open = kinds[place.kind] as (place: Place, deps: OriginDeps) => Origin | Promise<Origin>
  return open(place, deps)
}
