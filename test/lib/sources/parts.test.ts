import { describe, expect, test } from '@jest/globals'
import { parseSource } from '../../../lib/sources/parse.ts'
import { belongings, sumsOf } from '../../../lib/sources/parts.ts'
import type { Found } from '../../../lib/sources/source.ts'
import { sumOf } from '../../../lib/sources/sum.ts'
import { sourceText } from '../../support/sources.ts'

const kernels = { kernel: '"{release}/{arch}/vmlinuz-{date}"' }

function sourceWith(fields: Readonly<Record<string, string>> = kernels) {
  return parseSource(sourceText(fields))
}

const found = (name: string, more: Partial<Found> = {}): Found => ({
  ...{ name, version: 'v1', fields: {} },
  ...more,
})

function belongs(
  names: readonly (string | Found)[],
  fields: Readonly<Record<string, string>> = kernels,
): readonly string[] {
  const items = names.map((name) => (typeof name === 'string' ? found(name) : name))
  const belonging = belongings(sourceWith(fields), items)
  return items.map((item) => {
    const is = belonging(item)
    if (is.kind === 'part') return `part: ${is.part}`
    if (is.kind === 'incomplete') return `incomplete: ${is.reason}`
    return ['whole', ...is.parts.map((part) => `${part.kind} ${part.item.name}`)].join(', ')
  })
}

const disk = '24.04/amd64/disk-20240601.img'

describe('what belongs to a disk', () => {
  test('is nothing where its source does not say', () => {
    expect(belongs([disk, '24.04/amd64/vmlinuz-20240601'], {})).toEqual(['whole', 'whole'])
  })

  test('is what has the same fields, and nothing else', () => {
    const others = ['24.04/arm64/vmlinuz-20240601', '24.04/amd64/vmlinuz-20240602']
    expect(belongs([disk, '24.04/amd64/vmlinuz-20240601', ...others])).toEqual([
      'whole, kernel 24.04/amd64/vmlinuz-20240601',
      ...['part: kernel', 'part: kernel', 'part: kernel'],
    ])
    expect(belongs([disk, ...others])[0]).toBe('incomplete: nothing that is there is its kernel')
  })

  test('is found by fields that are not as short as could be', () => {
    const fields = { kernel: '"{release}/{arch}/vmlinuz-{version}-{date}"' }
    expect(belongs([disk, '24.04/amd64/vmlinuz-6.8.0-31-generic-20240601'], fields)[0]).toBe(
      'whole, kernel 24.04/amd64/vmlinuz-6.8.0-31-generic-20240601',
    )
  })

  test('may be the same for several disks', () => {
    const fields = { kernel: '"{release}/vmlinuz"', match: '"{release}/{arch}.img"' }
    expect(belongs(['13/amd64.img', '13/arm64.img', '13/vmlinuz'], fields)).toEqual([
      ...['whole, kernel 13/vmlinuz', 'whole, kernel 13/vmlinuz', 'part: kernel'],
    ])
  })

  test('is not chosen where two would do', () => {
    const fields = { kernel: '"{release}/{arch}/vmlinuz-*"' }
    const [is] = belongs([disk, '24.04/amd64/vmlinuz-1', '24.04/amd64/vmlinuz-2'], fields)
    expect(is).toMatch(
      /^incomplete: \S+vmlinuz-1 and \S+vmlinuz-2 both fit as its kernel: write `k/,
    )
  })

  test('is all there or the disk is not whole', () => {
    const fields = { ...kernels, initramfs: '"{release}/{arch}/initrd-{date}"' }
    const kernel = '24.04/amd64/vmlinuz-20240601'
    const initrd = '24.04/amd64/initrd-20240601'
    expect(belongs([disk, kernel], fields)[0]).toMatch(/^incomplete: .* its initramfs/)
    expect(belongs([disk, initrd], fields)[0]).toMatch(/^incomplete: .* its kernel/)
    expect(belongs([disk, kernel, initrd], fields)[0]).toBe(
      `whole, kernel ${kernel}, initramfs ${initrd}`,
    )
    const refused = found(kernel, { refused: 'it leads out' })
    expect(belongs([disk, refused, initrd], fields)[0]).toBe(
      `incomplete: its kernel ${kernel} cannot be had: it leads out`,
    )
  })

  test('is no disk, though it fits `match` as well', () => {
    const fields = {
      match: '"{release}/{arch}/*-{date}.*"',
      kernel: '"{release}/{arch}/vmlinuz-{date}.efi"',
    }
    expect(belongs([disk, '24.04/amd64/vmlinuz-20240601.efi'], fields)).toEqual([
      'whole, kernel 24.04/amd64/vmlinuz-20240601.efi',
      'part: kernel',
    ])
  })

  test('is not told where names were made to take long, rather than to take long', () => {
    const fields = {
      match: '"{a}.img"',
      line: 'debian-13-std-x86',
      kernel: '"{a}-*-*-*-*-*-*x"',
      place: '{kind: oci, url: "https://r.example", repository: a}',
    }
    // Each of these takes all the steps that a name may; together they take more than all names may.
    const hard = Array.from({ length: 700 }, (_, i) => `${'-'.repeat(300)}${i}y`)
    const disks = Array.from({ length: 50 }, (_, i) => `${'-'.repeat(1 + i)}.img`)
    const all = belongs([...hard, ...disks], fields).slice(hard.length)
    const reason = 'there are too many names to tell what belongs to it'
    expect(new Set(all)).toEqual(new Set([`incomplete: ${reason}`]))
  })

  test('has a sum with its disk that changes when one of them does, where the place tells all of them', () => {
    const sums = (kernelSum: string | undefined) =>
      sumsOf(sourceWith(), [
        found(disk, { sha256: 'a'.repeat(64) }),
        found('24.04/amd64/vmlinuz-20240601', kernelSum === undefined ? {} : { sha256: kernelSum }),
      ])
    const [one] = sums('b'.repeat(64))
    expect(one).toBe(sumOf('a'.repeat(64), [{ kind: 'kernel', sha256: 'b'.repeat(64) }]))
    expect(sums('c'.repeat(64))).not.toEqual([one])
    expect(sums(undefined)).toEqual([])
    expect(sumOf('a'.repeat(64), [])).toBe('a'.repeat(64))
  })
})
