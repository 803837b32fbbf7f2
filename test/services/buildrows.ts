import {
  ReportBuildRequest,
  type BuildServiceService,
} from '../../proto/gen/merge/image/v1/build.ts'
import { BuilderKind } from '../../proto/gen/merge/image/v1/recipe.ts'
import { id, name, page, row, type Row } from './rows.ts'

const build = '01KV2ZJX5T8Q4N6R0W3Y7B9C1D'

// prettier-ignore
export const buildRows: Record<keyof typeof BuildServiceService, Row> = {
  putRecipe: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ builds }, facility) => builds.putRecipe({
      requestId: id(), name: name(facility, 'tools'), text: '', etag: '', validateOnly: false,
    }) },
  getRecipe: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ builds }, facility) => builds.getRecipe({ name: name(facility, 'tools'), version: 0 }) },
  listRecipes: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ builds }, facility) => builds.listRecipes({ ...page, namespace: facility }) },
  deleteRecipe: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ builds }, facility) =>
      builds.deleteRecipe({ requestId: id(), name: name(facility, 'tools'), etag: '' }) },
  resumeRecipe: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ builds }, facility) =>
      builds.resumeRecipe({ requestId: id(), name: name(facility, 'tools'), etag: '' }) },
  previewSchedule: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ builds }, facility) =>
      builds.previewSchedule({ name: name(facility, 'tools'), count: 1, after: undefined }) },
  runBuild: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ builds }, facility) => builds.runBuild({
      requestId: id(), recipe: name(facility, 'tools'), version: 0, force: false, reason: '',
    }) },
  getBuild: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ builds }, facility) => builds.getBuild({ name: name(facility, build) }) },
  listBuilds: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ builds }, facility) =>
      builds.listBuilds({ ...page, namespace: facility, recipe: '', source: '', state: 0 }) },
  cancelBuild: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ builds }, facility) =>
      builds.cancelBuild({ requestId: id(), name: name(facility, build) }) },
  retryBuild: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ builds }, facility) =>
      builds.retryBuild({ requestId: id(), name: name(facility, build), reason: '' }) },
  watchBuild: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ builds }, facility) =>
      builds.watchBuild({ name: name(facility, build), logOffset: 0n }) },
  readBuildLog: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ builds }, facility) =>
      builds.readBuildLog({ name: name(facility, build), offset: 0n }) },
  reportBuild: { may: row('everywhere', 'portal', 'nowhere', 'own', 'nowhere'),
    call: ({ builds }, facility) =>
      builds.reportBuild(ReportBuildRequest.create({ target: name(facility, 'debian-13') })) },
  claimBuild: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'own', 'portal'),
    call: ({ builds }, facility) => builds.claimBuild({
      facility: facility === '' ? 'portal' : facility, claim: id(), worker: 'w', holding: [],
      kinds: [BuilderKind.BUILDER_KIND_DNF], archs: ['x86'], waitSeconds: 0,
    }) },
  // Whose claim it is, is checked in builders/service.test.ts.
  heartbeatBuild: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'everywhere'),
    call: ({ builds }) => builds.heartbeatBuild({ claim: id(), progress: undefined }) },
  appendBuildLog: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'everywhere'),
    call: ({ builds }) => builds.appendBuildLog({ claim: id(), offset: 0n, data: Buffer.from('x') }) },
  finishBuild: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'everywhere'),
    call: ({ builds }) => builds.finishBuild({
      claim: id(), outcome: { $case: 'cancelled', value: {} },
    }) },
}
