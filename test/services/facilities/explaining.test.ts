import { expect, test } from '@jest/globals'
import { explainStanding } from '../../../services/facilities/explaining.ts'
import { failed, fetching, present, waiting } from '../../../services/facilities/queries.ts'
import type { Standing } from '../../../services/facilities/standing.ts'

const time = new Date('2026-06-15T10:22:31Z')
const base: Standing = {
  ...{ image: 'debian-13.1-std-x86-20260615', facility: 'lab1' },
  ...{ imageState: 'released', storage: 'present', own: false, home: null },
  ...{ actor: 'admin', wantTime: time, replica: undefined, pushed: true, rules: [] },
  ...{ agentTime: time, agentIsThere: true, fetching: 0, holders: [], peers: 'first' },
}
const replica = (state: number, error = '') => ({
  ...{ image: base.image, digest: '', state, totalBytes: 100n, peerBytes: 30n, portalBytes: 10n },
  ...{ error, updateTime: time, useTime: null, nextTime: null },
})
const unwanted = { actor: null, wantTime: null }

test.each<[string, Partial<Standing>, readonly string[]]>([
  [
    'is there and wanted',
    { replica: replica(present) },
    ['is at lab1, whole: admin put it on the list of lab1 on 2026-06-15.'],
  ],
  [
    'is there and wanted no more',
    { ...unwanted, replica: replica(present) },
    ['nobody wants it there any more: it stays until its room is needed.'],
  ],
  [
    'is wanted by a rule alone',
    { pushed: false, rules: ['std'], replica: replica(present) },
    ['is at lab1, whole: the sync rule std of lab1 wants it.'],
  ],
  [
    'is wanted by somebody and by rules',
    { rules: ['std', 'new'] },
    [
      'admin put it on the list of lab1 on 2026-06-15, and the sync rule std of lab1 wants it, and the sync rule new of lab1 wants it.',
    ],
  ],
  [
    'waits for what its agent says',
    { replica: replica(waiting, 'waits for 20:00 UTC, as the sync rule nightly says') },
    ['It waits for 20:00 UTC, as the sync rule nightly says.'],
  ],
  [
    'failed, and when it is tried again',
    { replica: { ...replica(failed, 'no space'), nextTime: time } },
    ['no space. It is tried again at 2026-06-15 10:22:31 UTC.'],
  ],
  ['comes from peers alone', { peers: 'only', holders: ['lab2'] }, ['It comes from lab2 alone.']],
  [
    'comes from no peer',
    { peers: 'only' },
    ['from other facilities alone, and none has it whole.'],
  ],
  ['comes from the portal', { peers: 'last', holders: ['lab2'] }, ['from the portal first.']],
  ['is its own', { ...unwanted, own: true, replica: replica(present) }, ['whose own image it is.']],
  [
    'was never wanted',
    unwanted,
    ['"mrg-image push debian-13.1-std-x86-20260615 lab1" puts it on its list.'],
  ],
  [
    'was never wanted, and is archived',
    { ...unwanted, storage: 'archived' },
    ['"mrg-image restore debian-13.1-std-x86-20260615" brings it back'],
  ],
  [
    'was never wanted, and has expired',
    { ...unwanted, storage: 'expired' },
    ['its bytes are gone.'],
  ],
  ['was never wanted, and is revoked', { ...unwanted, imageState: 'revoked' }, ['goes nowhere.']],
  [
    'has no agent',
    { agentTime: null, agentIsThere: false },
    ['not at lab1 yet: admin put it', 'was never heard of: start it.'],
  ],
  [
    'has an agent that is away',
    { agentIsThere: false },
    ['last heard of at 2026-06-15 10:22 UTC: start it'],
  ],
  [
    'failed',
    { replica: replica(failed, 'The disk is full.') },
    ['The last try failed at 2026-06-15 10:22 UTC: The disk is full. It is tried again'],
  ],
  [
    'is on its way',
    { replica: replica(fetching), holders: ['lab2', 'lab3'] },
    ['40 of 100 bytes have come.', 'It comes from lab2, lab3 first, then from the portal.'],
  ],
  [
    'waits for another',
    { fetching: 1 },
    ['It waits for its turn', 'It comes from the portal: no other facility has it.'],
  ],
  [
    "waits for another facility's own, which is away",
    { home: 'lab2' },
    ['Its bytes are at lab2 and not at the portal: its agent has to be there.'],
  ],
  [
    "waits for another facility's own",
    { home: 'lab2', holders: ['lab2'] },
    ['It comes from lab2.'],
  ],
  [
    'waits and is archived',
    { storage: 'archived' },
    ['Its bytes are not at the portal any more, and no other facility has it.'],
  ],
  ['waits', {}, ['"mrs-image status" at lab1 says whether for the hours of --fetch-window.']],
])('what %s is explained', (_, more, parts) => {
  const told = explainStanding({ ...base, ...more })
  for (const part of parts) expect(told).toContain(part)
})
