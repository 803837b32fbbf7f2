import { describe, expect, test } from '@jest/globals'
import { placesIn } from '../../../agent/build/plan.ts'
import { afterScripts, putFiles, runScripts } from '../../../agent/build/tree.ts'

const places = placesIn('/builds')

describe('scripts', () => {
  const scripts = [
    { name: 'one', run: 'true' },
    { name: 'two', run: 'echo two' },
  ]

  test('run one after another in the tree, by sh -e, and no service starts meanwhile', () => {
    const steps = runScripts(scripts, places, 'nameserver 1.2.3.4\n', { MERGE_IMAGE: 'it' })
    const titles = steps.flatMap((step) => (step.kind === 'run' ? [step.title] : []))
    expect(titles).toEqual([
      'preparing scripts',
      'lending resolv.conf',
      'script "one"',
      'script "two"',
    ])
    const last = steps.at(-1)
    if (last?.kind !== 'run') throw new Error('no script')
    expect(last.argv.slice(-5)).toEqual(['chroot', '/builds/root', 'sh', '-e', '-s'])
    expect(last.environment).toEqual({ MERGE_IMAGE: 'it' })
    expect(last.blame).toBe('SCRIPT')
    expect(steps.at(-2)).toMatchObject({ kind: 'write', path: last.input, content: 'echo two\n' })
  })

  test('are tidied after, and where there are none there is nothing to do', () => {
    expect(afterScripts(scripts, places)).toHaveLength(1)
    expect(afterScripts([], places)).toEqual([])
    expect(runScripts([], places, '', {})).toEqual([])
  })
})

test('files are written by a shell in the tree, so that a link in it leads nowhere else', () => {
  const [write, put] = putFiles([{ path: '/etc/motd', content: 'hello', mode: '0600' }], places)
  expect(write).toMatchObject({ kind: 'write', content: 'hello', mode: '0600' })
  if (put?.kind !== 'run' || write?.kind !== 'write') throw new Error('nothing is put')
  expect(put.argv).toContain('chroot')
  expect(put.argv.slice(-2)).toEqual(['/etc/motd', '0600'])
  expect(put.input).toBe(write.path)
})
