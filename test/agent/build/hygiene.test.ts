import { mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { clean, listTree } from '../../../agent/build/cleaning.ts'
import { findUnclean, reportOf, type Listed } from '../../../agent/build/hygiene.ts'
import { temporaryFolder } from '../../support/folder.ts'

function file(path: string, sizeBytes = 10): Listed {
  return { path, kind: 'file', sizeBytes }
}

describe('a tree', () => {
  test.each([
    ['etc/ssh/ssh_host_ed25519_key', 'remove'],
    ['etc/ssh/ssh_host_rsa_key.pub', 'remove'],
    ['etc/machine-id', 'empty'],
    ['var/lib/dbus/machine-id', 'remove'],
    ['var/lib/systemd/random-seed', 'remove'],
    ['root/.bash_history', 'remove'],
    ['home/ada/.viminfo', 'remove'],
    ['usr/sbin/policy-rc.d', 'remove'],
    ['etc/resolv.conf', 'remove'],
    ['var/cache/apt/archives/nano_8.deb', 'remove'],
    ['var/cache/dnf/fedora/packages/nano.rpm', 'remove'],
    ['var/lib/apt/lists/a.mirror_dists', 'remove'],
    ['var/log/dpkg.log', 'empty'],
    ['var/log/apt/history.log.1.gz', 'remove'],
    ['var/log/journal/0123/system.journal', 'remove'],
    ['tmp/leftover', 'remove'],
  ])('may not have %s: %s', (path, act) => {
    expect(findUnclean([file(path)])).toMatchObject([{ path, act }])
  })

  test.each(['etc/ssh/sshd_config', 'etc/hostname', 'var/lib/dpkg/status', 'home/ada/.bashrc'])(
    'may have %s',
    (path) => {
      expect(findUnclean([file(path)])).toEqual([])
    },
  )

  test('may have logs and an id that are empty, and a resolv.conf that leads elsewhere', () => {
    const link: Listed = { path: 'etc/resolv.conf', kind: 'link', sizeBytes: 30 }
    expect(findUnclean([file('var/log/dpkg.log', 0), file('etc/machine-id', 0), link])).toEqual([])
  })

  test('is reported on with a line for each kind of thing', () => {
    const keys = ['rsa', 'ed25519'].map((kind) => file(`etc/ssh/ssh_host_${kind}_key`))
    expect(reportOf(findUnclean([...keys, file('var/log/dpkg.log')]))).toEqual([
      'removed: a host key belongs to one machine: /etc/ssh/ssh_host_rsa_key and 1 more',
      'emptied: a log of the build: /var/log/dpkg.log',
    ])
  })
})

async function put(root: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}

test('is clean once it was cleaned, and keeps the rest', async () => {
  await using folder = await temporaryFolder()
  const root = folder.path
  await put(root, 'etc/machine-id', '0123')
  await put(root, 'etc/ssh/ssh_host_rsa_key', 'secret')
  await put(root, 'etc/ssh/sshd_config', 'Port 22')
  await put(root, 'var/log/apt/term.log', 'much')
  expect(await clean(root)).toHaveLength(3)
  expect(findUnclean(await listTree(root))).toEqual([])
  expect(await readFile(join(root, 'etc/machine-id'), 'utf8')).toBe('')
  expect(await readFile(join(root, 'etc/ssh/sshd_config'), 'utf8')).toBe('Port 22')
})

test('a tree whose folders lead out of it is not followed there', async () => {
  await using folder = await temporaryFolder()
  await put(folder.path, 'elsewhere/log/precious.log', 'precious')
  const root = join(folder.path, 'root')
  await mkdir(root)
  await symlink(join(folder.path, 'elsewhere'), join(root, 'var'))
  await symlink(join(folder.path, 'elsewhere'), join(root, 'tmp'))
  expect(await clean(root)).toEqual([])
  expect(await readFile(join(folder.path, 'elsewhere/log/precious.log'), 'utf8')).toBe('precious')
  expect(await readlink(join(root, 'var'))).toContain('elsewhere')
})
