import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { parseDocument } from 'yaml'
import { mrgImage } from '../cli/mrg.ts'

const report = mrgImage.commands.find(({ verb }) => verb === 'report')
const known = Object.keys(report?.flags ?? {})

test.each(['gitlab.yml', 'github.yml'])(
  'docs/ci/%s is YAML, and reports with options that there are',
  (file) => {
    const text = readFileSync(join(import.meta.dirname, '../docs/ci', file), 'utf8')
    expect(parseDocument(text).errors).toEqual([])
    const given = Array.from(text.matchAll(/ '?--([a-z-]+)/g), ([, flag = '']) => flag)
    expect(given.length).toBeGreaterThan(7)
    expect(given.filter((flag) => !known.includes(flag))).toEqual([])
  },
)
