import { randomUUID } from 'node:crypto'
import { ReportStateRequest } from '../../proto/gen/merge/image/v1/agent.ts'
import { Replica, type ReplicaState } from '../../proto/gen/merge/image/v1/facility.ts'
import { BeginUploadRequest, CommitHeader } from '../../proto/gen/merge/image/v1/upload.ts'
import { commit } from './builds.ts'
import type { Clients } from './portal.ts'

/** Makes facilities known, as an admin. */
export async function makeFacilities(
  { facilities }: Clients,
  ...names: readonly string[]
): Promise<void> {
  for (const name of names) {
    await facilities.createFacility({ requestId: randomUUID(), name, displayName: '', arch: '' })
  }
}

/** Puts an image on a facility's wanted list. */
export async function push(
  { facilities }: Clients,
  facility: string,
  image: string,
): Promise<void> {
  await facilities.pushImage({ requestId: randomUUID(), facility, image })
}

/** Makes an image whose bytes stay at its facility, as the facility's agent, and answers the exact name. */
export async function register(agent: Clients, target: string, data: Uint8Array): Promise<string> {
  const custom = { days: 0, shared: true }
  const begin = BeginUploadRequest.create({ requestId: randomUUID(), target, custom })
  const uploadId = (await agent.uploads.beginUpload(begin)).upload?.id ?? ''
  const header = CommitHeader.create({ requestId: randomUUID(), uploadId, release: true })
  return (await commit(agent, header, data)).name
}

/** Reports one image as a facility's agent does. */
export async function report(
  { agents }: Clients,
  facility: string,
  image: string,
  state: ReplicaState,
): Promise<void> {
  const replicas = [Replica.create({ image, state })]
  await agents.reportState(ReportStateRequest.create({ facility, replicas }))
}
