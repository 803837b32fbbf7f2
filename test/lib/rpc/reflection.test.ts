import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Client, credentials } from '@grpc/grpc-js'
import {
  ServerReflectionService,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../../proto/gen/grpc/reflection/v1/reflection.ts'
import { served, type Served } from '../../support/rpc.ts'

type Question = ServerReflectionRequest['messageRequest']

describe.each(['grpc.reflection.v1', 'grpc.reflection.v1alpha'])('%s', (version) => {
  let server: Served
  let client: Client

  beforeAll(async () => {
    const file = new URL('../../../proto/gen/descriptors.binpb', import.meta.url)
    server = await served({}, { descriptors: await readFile(file) })
    client = new Client(server.address, credentials.createInsecure())
  })

  afterAll(async () => {
    client.close()
    await server[Symbol.asyncDispose]()
  })

  async function ask(...questions: readonly Question[]) {
    const { requestSerialize, responseDeserialize } = ServerReflectionService.serverReflectionInfo
    const path = `/${version}.ServerReflection/ServerReflectionInfo`
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
    for (const messageRequest of questions) call.write({ host: 'here', messageRequest })
    call.end()
    const answers: ServerReflectionResponse['messageResponse'][] = []
    for await (const answer of call)
      answers.push((answer as ServerReflectionResponse).messageResponse)
    return answers
  }

  /** The names of the files in an answer. */
  function filesOf(answer: ServerReflectionResponse['messageResponse']): string[] {
    if (answer?.$case !== 'fileDescriptorResponse')
      throw new Error(`it is ${answer?.$case ?? 'none'}`)
    return answer.value.fileDescriptorProto.map(
      (bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name,
    )
  }

  test('lists the services that the server has, and no others', async () => {
    const [answer] = await ask({ $case: 'listServices', value: '' })
    expect(answer).toEqual({
      $case: 'listServicesResponse',
      value: {
        service: [{ name: 'merge.image.v1.ChunkService' }, { name: 'grpc.health.v1.Health' }],
      },
    })
  })

  test('gives a file with everything that it imports', async () => {
    const [answer] = await ask({
      $case: 'fileByFilename',
      value: 'merge/image/v1/facility.proto',
    })
    expect(filesOf(answer)).toEqual([
      'merge/image/v1/facility.proto',
      'google/protobuf/timestamp.proto',
    ])
  })

  test.each([
    ['a service', 'merge.image.v1.ChunkService', 'merge/image/v1/chunk.proto'],
    ['a method', 'merge.image.v1.ChunkService.FindMissing', 'merge/image/v1/chunk.proto'],
    ['a message', 'merge.image.v1.Image', 'merge/image/v1/image.proto'],
    ['a field', 'merge.image.v1.Image.digest', 'merge/image/v1/image.proto'],
    ['an enum', 'merge.image.v1.ImageState', 'merge/image/v1/image.proto'],
    ['the health service', 'grpc.health.v1.Health', 'grpc/health/v1/health.proto'],
  ])('finds the file of %s', async (_, value, file) => {
    const [answer] = await ask({ $case: 'fileContainingSymbol', value })
    expect(filesOf(answer)[0]).toBe(file)
  })

  test('answers several questions in turn, and says what it does not find', async () => {
    const answers = await ask(
      { $case: 'fileContainingSymbol', value: 'no.such.Thing' },
      { $case: 'fileByFilename', value: 'none.proto' },
      { $case: 'allExtensionNumbersOfType', value: 'merge.image.v1.Image' },
      { $case: 'listServices', value: '' },
    )
    expect(answers.map((answer) => answer?.$case)).toEqual([
      'errorResponse',
      'errorResponse',
      'errorResponse',
      'listServicesResponse',
    ])
  })
})
