import type { Place } from './place.ts'

/** Where an item of a place lies: an address, or what is most like one. It is for people; nothing is fetched by it. */
export function addressOf(place: Place, item: string): string {
  switch (place.kind) {
    case 'directory':
      return `file://${place.path}/${item}`
    case 'http':
      return `${place.url}/${item}`
    case 's3':
      return `s3://${place.bucket}/${place.prefix}${item}`
    case 'oci':
      return `${place.url}/${place.repository}:${item}`
    case 'simplestreams':
      return `${place.url}#${item}`
    case 'gitlab-packages':
      return `${place.url}/${place.project}#${place.package}/${item}`
    case 'gitlab-artifacts':
      return `${place.url}/${place.project}#${place.ref}/${place.job}/${item}`
    case 'github-releases':
    case 'github-artifacts':
      return `${place.url}/${place.repository}#${item}`
  }
}

/** The place alone, in a few words. */
export function whereIs(place: Place): string {
  switch (place.kind) {
    case 'directory':
      return place.path
    case 'http':
    case 'simplestreams':
      return place.url
    case 's3':
      return `s3://${place.bucket}/${place.prefix}`
    case 'oci':
    case 'github-releases':
    case 'github-artifacts':
      return `${place.url}/${place.repository}`
    case 'gitlab-packages':
    case 'gitlab-artifacts':
      return `${place.url}/${place.project}`
  }
}
