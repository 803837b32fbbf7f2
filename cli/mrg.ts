import { accessCommands } from './access.ts'
import { aliasCommands } from './aliases.ts'
import { archivingCommands } from './archiving.ts'
import { buildCommands } from './builds.ts'
import { catalogueCommands } from './catalogue.ts'
import { customCommands } from './custom.ts'
import { diff } from './diff.ts'
import { explainCommands } from './explain.ts'
import { distroCommands } from './distros.ts'
import { eventCommands } from './events.ts'
import { exportImage } from './export.ts'
import { facilityCommands } from './facilities.ts'
import { heldCommands } from './held.ts'
import { historyCommands } from './history.ts'
import { holdCommands } from './holds.ts'
import { imageCommands } from './images.ts'
import { importImage } from './import.ts'
import { integrityCommands } from './integrity.ts'
import { itemCommands } from './items.ts'
import { labelCommands } from './labels.ts'
import { lockCommands } from './lock.ts'
import { lockFileCommands } from './locks.ts'
import { loginCommands } from './login.ts'
import { parse } from './parse.ts'
import type { Program } from './program.ts'
import { policyCommands } from './policies.ts'
import { publish } from './publish.ts'
import { recipeCommands } from './recipes.ts'
import { reportCommands } from './report.ts'
import { resolve } from './resolve.ts'
import { restoreCommands } from './restore.ts'
import { retentionCommands } from './retention.ts'
import { ruleCommands } from './rules.ts'
import { scheduleCommands } from './schedule.ts'
import { sourceCommands } from './sources.ts'
import { standingCommands } from './standing.ts'
import { storageCommands } from './storage.ts'
import { syncPreviews } from './syncpreview.ts'
import { watchCommands } from './watch.ts'

/** The tool for the portal. */
export const mrgImage: Program = {
  name: 'mrg-image',
  about: 'publish, find and name the images of the Merge portal',
  server: {
    flag: 'portal',
    value: 'HOST:PORT',
    about: 'where the portal is',
    variable: 'MRG_IMAGE_PORTAL',
    fallback: '127.0.0.1:7410',
    address: (value) => value,
    identifies: true,
  },
  commands: [
    publish,
    exportImage,
    importImage,
    ...imageCommands,
    ...standingCommands,
    ...labelCommands,
    ...restoreCommands,
    ...holdCommands,
    ...heldCommands,
    resolve,
    parse,
    diff,
    ...lockCommands,
    ...lockFileCommands,
    ...aliasCommands,
    ...historyCommands,
    ...distroCommands,
    ...catalogueCommands,
    ...facilityCommands,
    ...ruleCommands,
    ...syncPreviews,
    ...recipeCommands,
    ...scheduleCommands,
    ...sourceCommands,
    ...itemCommands,
    ...buildCommands,
    ...watchCommands,
    ...reportCommands,
    ...customCommands,
    ...policyCommands,
    ...retentionCommands,
    ...explainCommands,
    ...archivingCommands,
    ...storageCommands,
    ...integrityCommands,
    ...eventCommands,
    ...accessCommands,
    ...loginCommands,
  ],
  hints: {
    UNREACHABLE:
      'Start one with `merge-image portal`, say where it is: --portal HOST:PORT, or who you are: `mrg-image login`.',
  },
}
