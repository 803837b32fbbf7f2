import { exportHere } from './export.ts'
import { importHere } from './importhere.ts'
import { integrityCommands } from './integrity.ts'
import { here } from './here.ts'
import { join } from './join.ts'
import { localCommands } from './local.ts'
import { ownCommands } from './own.ts'
import { ownSourceCommands } from './ownsources.ts'
import type { Program } from './program.ts'
import { projectionCommands } from './projections.ts'
import { ruleCommands } from './rules.ts'
import { spaceCommands } from './space.ts'
import { previewRule } from './syncpreview.ts'
import { transferCommands } from './transfers.ts'

/** The tool for a facility. */
export const mrsImage: Program = {
  name: 'mrs-image',
  about: "fetch, make and use images at a facility, through the facility's agent",
  server: {
    flag: 'socket',
    value: 'PATH',
    about: 'the socket of the agent',
    variable: 'MRS_IMAGE_SOCKET',
    fallback: '/run/merge-image/agent.sock',
    address: (value) => `unix:${value}`,
    identifies: false,
  },
  commands: [
    ...localCommands,
    ...projectionCommands,
    ...transferCommands,
    ...ownCommands,
    ...ownSourceCommands,
    ...spaceCommands,
    exportHere,
    importHere,
    ...integrityCommands,
    join,
    ...[...ruleCommands, previewRule].map(here),
  ],
  hints: {
    STOPPED: 'A pull goes on in the agent: `mrs-image list` shows how far it is.',
    UNREACHABLE: 'Start one with `merge-image agent`, or say where its socket is: --socket PATH.',
    NOT_FOUND:
      '`mrs-image list` shows the images that are here; `mrg-image list` those of the portal.',
    NO_MATCH:
      '`mrs-image list` shows the images that are here; `mrg-image list` those of the portal.',
  },
}
