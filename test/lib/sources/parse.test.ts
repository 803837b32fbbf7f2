import { readFile } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import { readSource } from '../../../lib/sources/parse.ts'
import { renderTemplate } from '../../../lib/sources/pattern.ts'
import type { Source } from '../../../lib/sources/source.ts'
import { sourceText } from '../../support/sources.ts'

function read(fields: Readonly<Record<string, string>> = {}): Source {
  const found = readSource(sourceText(fields))
  if ('problems' in found) throw new Error(JSON.stringify(found.problems))
  return found.source
}

function problems(fields: Readonly<Record<string, string>>): string[] {
  const found = readSource(sourceText(fields))
  if (!('problems' in found)) return []
  return found.problems.map(({ line, column, message }) => `${line}:${column} ${message}`)
}

describe('a source', () => {
  test('has what is usual where it does not say', () => {
    expect(read()).toMatchObject({
      place: { kind: 'directory', path: '/srv/images' },
      ...{ namespace: '', newest: 1, format: undefined, boot: ['bios', 'efi'], notes: '' },
      ...{ sizeBytes: 32 * 1024 ** 3, schedule: undefined, release: 'by hand' },
      limits: { timeMs: 3_600_000, attempts: 3 },
    })
  })

  test('says all that it can', () => {
    const source = read({
      line: 'lab1/{distro}-{release}.{point}-std-{arch}',
      match: '"{distro}/{release}.{point}/{arch}/{made}.img"',
      kernel: '"{distro}/vmlinuz-{made}"',
      initramfs: '"{distro}/initrd-{made}"',
      ...{
        day: '"{made}"',
        order: '"{point} {made}"',
        newest: '2',
        format: 'qcow2',
        boot: '[efi]',
      },
      ...{ size: '16G', release: 'automatic', notes: 'from there' },
      schedule: '{cron: 17 3 * * *, time_zone: Europe/Berlin, pause_after: 5}',
    })
    expect(source).toMatchObject({
      ...{ namespace: 'lab1', newest: 2, format: 'qcow2', boot: ['efi'], release: 'automatic' },
      schedule: { cron: '17 3 * * *', timeZone: 'Europe/Berlin', pauseAfter: 5 },
    })
    expect(renderTemplate(source.kernel ?? [])).toBe('{distro}/vmlinuz-{made}')
    expect(renderTemplate(source.initramfs ?? [])).toBe('{distro}/initrd-{made}')
    expect(renderTemplate(source.line)).toBe('{distro}-{release}.{point}-std-{arch}')
  })

  test.each([
    [
      '{kind: http, url: "https://a.example/x/"}',
      { url: 'https://a.example/x', sums: 'SHA256SUMS' },
    ],
    ['{kind: s3, bucket: images}', { prefix: '', pathStyle: false }],
    [
      '{kind: s3, bucket: images, endpoint: "http://s3.local", path_style: on}',
      { pathStyle: true },
    ],
    ['{kind: oci, url: "https://r.example", repository: a/b}', { repository: 'a/b' }],
    ['{kind: simplestreams, url: "https://c.example/releases"}', {}],
    ['{kind: simplestreams, url: "https://c.example", key: "-----BEGIN"}', { key: '-----BEGIN' }],
    ['{kind: gitlab-packages, url: "https://g.example", project: a/b, package: disk}', {}],
    ['{kind: gitlab-artifacts, url: "https://g.example", project: a/b, ref: main, job: build}', {}],
    ['{kind: github-releases, repository: a/b}', { url: 'https://api.github.com' }],
    ['{kind: github-artifacts, repository: a/b, branch: main}', { branch: 'main' }],
  ])('looks at %s', (place, expected) => {
    expect(read({ place }).place).toMatchObject(expected)
  })

  test.each<readonly [Readonly<Record<string, string>>, string]>([
    [{ place: '{kind: ftp, url: "ftp://x"}' }, '1:15 `place.kind` needs directory, http, s3,'],
    [{ place: '/srv/images' }, '1:8 `place` needs `kind` and what that kind of place needs'],
    [{ place: '{kind: directory, path: ../x}' }, '1:32 `place.path` needs an absolute path'],
    [{ place: '{kind: directory}' }, '1:8 the field `place.path` is missing'],
    [
      { place: '{kind: http, url: "https://u:p@a.example"}' },
      '1:26 `place.url` has a user or a password',
    ],
    [{ place: '{kind: http, url: "file:///etc"}' }, '1:26 `place.url` needs an address'],
    [{ match: '' }, '1:1 the field `match` is missing'],
    [{ line: 'ubuntu-{release}' }, '3:7 `line` needs distro, release, role and architecture'],
    [
      { line: 'ubuntu-{relase}-std-{arch}' },
      '3:7 `line` has {relase}, which `match` does not have',
    ],
    [{ initramfs: '"initrd"' }, '4:12 `initramfs` needs a `kernel`, which it is for'],
    [{ kernel: '"{a}{b}"' }, '4:9 `kernel` needs something between two fields'],
    [{ format: 'vmdk' }, '4:9 `format` needs `raw`, `qcow2`'],
    [{ newest: '0' }, '4:9 `newest` needs a number from 1 to 100'],
    [{ schedule: '{cron: "* * * * *"}' }, '4:18 `schedule.cron` needs 10 minutes'],
    [{ packages: '[a]' }, '4:1 there is no field `packages` here'],
  ])('%j is told where it is wrong', (fields, told) => {
    expect(problems(fields)).toEqual([expect.stringContaining(told)])
  })

  test('of the documentation can be used', async () => {
    const page = await readFile(new URL('../../../docs/sources.md', import.meta.url), 'utf8')
    const [, text = ''] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? []
    expect(readSource(text)).toMatchObject({ source: { newest: 2, format: 'qcow2' } })
  })

  test('that is no text to speak of is told so', () => {
    const empty = readSource(' \n')
    expect(empty).toMatchObject({
      problems: [{ line: 1, message: expect.stringMatching(/^it is empty: begin with `place/) }],
    })
    expect(readSource('a'.repeat(20_000))).toMatchObject({
      problems: [{ message: 'it has more than 16 KiB' }],
    })
  })
})
