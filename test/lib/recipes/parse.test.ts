import { describe, expect, test } from '@jest/globals'
import { parseRecipe } from '../../../lib/recipes/parse.ts'
import { recipeText } from '../../support/recipes.ts'

describe('a recipe', () => {
  test('needs few fields, and says the rest by default', () => {
    expect(parseRecipe(recipeText())).toEqual({
      line: { namespace: '', distro: 'debian', release: '13', role: 'std', arch: 'x86' },
      point: 0,
      builder: 'mmdebstrap',
      suites: ['trixie'],
      components: ['main'],
      mirrors: [],
      variant: 'minbase',
      keyring: undefined,
      packages: [],
      files: [],
      scripts: [],
      sizeBytes: 2 * 1024 ** 3,
      boot: ['bios', 'efi'],
      schedule: undefined,
      notes: '',
      checks: {
        boot: { marker: 'login:', withinMs: 600_000 },
        fsck: true,
        packages: true,
        hygiene: true,
      },
      release: 'by hand',
      limits: {
        timeMs: 3_600_000,
        diskBytes: 32 * 1024 ** 3,
        logBytes: 16 * 1024 ** 2,
        attempts: 3,
      },
      parent: undefined,
    })
  })

  test('takes every field, with Windows ends of lines too', () => {
    const text = `
line: lab1/debian-13.1-mytools-x86
builder: mmdebstrap
suites: [trixie, trixie-updates]
components: [main, contrib]
mirrors:
  - http://mirror.example.org/debian
variant: important
keyring: /usr/share/keyrings/debian.gpg
packages:
  - systemd-sysv        # a comment
  - openssh-server=1:10.0p1-7
files:
  - path: /etc/motd
    content: |
      Hello
    mode: 600
scripts:
  - systemctl enable ssh
  - name: users
    run: |
      useradd alice
      useradd bob
size: 1.5G
boot: [efi]
schedule:
  cron: "0  3 1 */3 *"
  time_zone: Europe/Berlin
  pause_after: 5
  unchanged: build
notes: Quarterly
labels: {team: net, example.org/tier: gold}
checks: {boot: off, fsck: on, hygiene: off}
release: automatic
limits: {time: 90m, disk: 10G, log: 1M, attempts: 1}
parent: debian-13
`
    const recipe = parseRecipe(text.replaceAll('\n', '\r\n'))
    expect(recipe).toMatchObject({
      line: { namespace: 'lab1', release: '13', role: 'mytools' },
      point: 1,
      packages: ['systemd-sysv', 'openssh-server=1:10.0p1-7'],
      files: [{ path: '/etc/motd', content: 'Hello\n', mode: '0600' }],
      scripts: [
        { name: 'script 1', run: 'systemctl enable ssh' },
        { name: 'users', run: 'useradd alice\nuseradd bob\n' },
      ],
      sizeBytes: 1.5 * 1024 ** 3,
      schedule: {
        cron: '0 3 1 */3 *',
        timeZone: 'Europe/Berlin',
        pauseAfter: 5,
        unchanged: 'build',
      },
      checks: { boot: undefined, fsck: true, packages: true, hygiene: false },
      labels: { team: 'net', 'example.org/tier': 'gold' },
      release: 'automatic',
      limits: { timeMs: 5_400_000, attempts: 1 },
      parent: 'debian-13',
    })
  })

  test('can be for dnf, or a command', () => {
    const dnf = {
      line: 'fedora-43-std-x86',
      builder: 'dnf',
      suites: undefined,
      repositories: '[{name: fedora, url: "https://dl.fedoraproject.org/43"}]',
      packages: '["@core", kernel]',
    }
    expect(parseRecipe(recipeText(dnf))).toMatchObject({
      builder: 'dnf',
      repositories: [{ name: 'fedora', url: 'https://dl.fedoraproject.org/43' }],
      packages: ['@core', 'kernel'],
    })
    const command = { builder: 'command', suites: undefined, command: './build.sh' }
    expect(parseRecipe(recipeText(command))).toMatchObject({
      builder: 'command',
      command: './build.sh',
    })
  })

  test('reads words as they stand: none is a number, a date or a truth', () => {
    const text = recipeText({ packages: '[no, 24.10, 2026-01-01, 0x10, null]' })
    expect(parseRecipe(text)).toMatchObject({
      packages: ['no', '24.10', '2026-01-01', '0x10', 'null'],
    })
  })
})
