import { expect, test } from '@jest/globals'
import { addressOf, whereIs } from '../../../lib/sources/address.ts'
import type { Place } from '../../../lib/sources/place.ts'

const url = 'https://a.example'

test.each<readonly [Place, string, string]>([
  [{ kind: 'directory', path: '/srv' }, 'file:///srv/x/y.img', '/srv'],
  [{ kind: 'http', url, sums: 'SHA256SUMS' }, 'https://a.example/x/y.img', url],
  [{ kind: 's3', bucket: 'b', prefix: 'p/', pathStyle: false }, 's3://b/p/x/y.img', 's3://b/p/'],
  [{ kind: 'oci', url, repository: 'r' }, 'https://a.example/r:x/y.img', `${url}/r`],
  [{ kind: 'simplestreams', url }, 'https://a.example#x/y.img', url],
  [
    { kind: 'gitlab-packages', url, project: 'g/p', package: 'disk' },
    'https://a.example/g/p#disk/x/y.img',
    `${url}/g/p`,
  ],
  [
    { kind: 'gitlab-artifacts', url, project: 'g/p', ref: 'main', job: 'build' },
    'https://a.example/g/p#main/build/x/y.img',
    `${url}/g/p`,
  ],
  [
    { kind: 'github-releases', url, repository: 'o/n' },
    'https://a.example/o/n#x/y.img',
    `${url}/o/n`,
  ],
  [
    { kind: 'github-artifacts', url, repository: 'o/n' },
    'https://a.example/o/n#x/y.img',
    `${url}/o/n`,
  ],
])('$kind says where an item lies', (place, address, where) => {
  expect(addressOf(place, 'x/y.img')).toBe(address)
  expect(whereIs(place)).toBe(where)
})
