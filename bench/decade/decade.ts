import { parsePattern } from '../../lib/names/pattern.ts'
import type { Life } from './life.ts'

/** Ten years of a portal: 40 lines built quarterly, 200 facilities that run experiments. */
export const decade: Life = {
  years: 10,
  seed: 1,
  systems: [
    ...['debian-12', 'debian-13', 'ubuntu-2204', 'ubuntu-2404', 'ubuntu-2604'],
    ...['fedora-43', 'fedora-44', 'rocky-9', 'rocky-10', 'kali-2026'],
  ],
  archs: ['x86', 'aarch64'],
  roles: ['std', 'hypervisor'],
  facilities: 200,
  policies: [
    {
      name: 'portal',
      pattern: parsePattern('*-*-*-*'),
      ...{ keepNewest: 3, keepMonthly: 0, keepQuarterly: 4, minimumAgeDays: 30, usedDays: 30 },
      ...{ archiveAfterDays: 365, expireAfterDays: 1095, capBytes: 0, archiveHeld: true },
    },
  ],
}
