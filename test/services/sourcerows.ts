import {
  ReportScanRequest,
  type SourceServiceService,
} from '../../proto/gen/merge/image/v1/source.ts'
import { id, name, page, row, type Row } from './rows.ts'

const scan = '01KV2ZJX5T8Q4N6R0W3Y7B9C1D'

// prettier-ignore
export const sourceRows: Record<keyof typeof SourceServiceService, Row> = {
  putSource: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ sources }, facility) => sources.putSource({
      requestId: id(), name: name(facility, 'cloud'), text: '', etag: '', validateOnly: false,
    }) },
  getSource: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ sources }, facility) => sources.getSource({ name: name(facility, 'cloud') }) },
  listSources: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ sources }, facility) => sources.listSources({ ...page, namespace: facility }) },
  deleteSource: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ sources }, facility) =>
      sources.deleteSource({ requestId: id(), name: name(facility, 'cloud'), etag: '' }) },
  resumeSource: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ sources }, facility) =>
      sources.resumeSource({ requestId: id(), name: name(facility, 'cloud'), etag: '' }) },
  previewSourceSchedule: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ sources }, facility) =>
      sources.previewSourceSchedule({ name: name(facility, 'cloud'), count: 1, after: undefined }) },
  scanSource: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ sources }, facility) =>
      sources.scanSource({ requestId: id(), source: name(facility, 'cloud'), preview: true }) },
  getScan: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ sources }, facility) =>
      sources.getScan({ name: name(facility, scan), waitSeconds: 0 }) },
  listSourceItems: { may: row('everywhere', 'portal', 'portal', 'portalAndOwn', 'portalAndOwn', 'portal'),
    call: ({ sources }, facility) =>
      sources.listSourceItems({ ...page, source: name(facility, 'cloud') }) },
  importImage: { may: row('everywhere', 'portal', 'nowhere', 'own', 'own'),
    call: ({ sources }, facility) => sources.importImage({
      requestId: id(), source: name(facility, 'cloud'), item: '', force: false, reason: '',
    }) },
  claimScan: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'own', 'portal'),
    call: ({ sources }, facility) => sources.claimScan({
      facility: facility === '' ? 'portal' : facility, claim: id(), waitSeconds: 0,
    }) },
  // Whose claim it is, is checked in sources/scans.test.ts.
  reportScan: { may: row('nowhere', 'nowhere', 'nowhere', 'nowhere', 'everywhere'),
    call: ({ sources }) => sources.reportScan(ReportScanRequest.create({ claim: id(), last: true })) },
}
