import { fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  type DescriptorProto,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt'
import { status as Code } from '@grpc/grpc-js'
import {
  ServerReflectionService,
  type ServerReflectionRequest,
  type ServerReflectionResponse,
} from '../../proto/gen/grpc/reflection/v1/reflection.ts'
import { mount, type Mounted } from './serve.ts'

type Answer = ServerReflectionResponse['messageResponse']

/**
 * Server reflection, straight from what `buf build --as-file-descriptor-set` wrote, under both names that clients ask for.
 * It lists only the services that this server has.
 */
export function reflection(descriptors: Uint8Array, services: readonly string[]): Mounted[] {
  const files = fromBinary(FileDescriptorSetSchema, descriptors).file
  const byName = new Map(files.map((file) => [file.name, file]))
  const bySymbol = new Map(
    files.flatMap((file) => symbols(file).map((symbol) => [symbol, file] as const)),
  )
  const answer = (request: ServerReflectionRequest): Answer => {
    const asked = request.messageRequest
    switch (asked?.$case) {
      case 'fileByFilename':
        return withDependencies(byName.get(asked.value), byName)
      case 'fileContainingSymbol':
        return withDependencies(bySymbol.get(asked.value), byName)
      case 'listServices':
        return {
          $case: 'listServicesResponse',
          value: { service: services.map((name) => ({ name })) },
        }
      case 'fileContainingExtension':
      case 'allExtensionNumbersOfType':
      case undefined:
        return notFound
    }
  }
  const serverReflectionInfo = async function* (requests: AsyncIterable<ServerReflectionRequest>) {
    for await (const request of requests) {
      yield {
        validHost: request.host,
        originalRequest: request,
        messageResponse: answer(request),
      }
    }
  }
  const alpha = {
    serverReflectionInfo: {
      ...ServerReflectionService.serverReflectionInfo,
      path: '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
    },
  }
  return [ServerReflectionService, alpha].map((definition) =>
    mount(definition, { serverReflectionInfo }, { serverReflectionInfo: () => true }),
  )
}

const notFound: Answer = {
  $case: 'errorResponse',
  value: { errorCode: Code.NOT_FOUND, errorMessage: 'not found' },
}

function withDependencies(
  file: FileDescriptorProto | undefined,
  byName: ReadonlyMap<string, FileDescriptorProto>,
): Answer {
  if (file === undefined) return notFound
  const found = new Set<FileDescriptorProto>()
  const add = (next: FileDescriptorProto | undefined): void => {
    if (next === undefined || found.has(next)) return
    found.add(next)
    for (const name of next.dependency) add(byName.get(name))
  }
  add(file)
  return {
    $case: 'fileDescriptorResponse',
    value: {
      fileDescriptorProto: [...found].map((each) =>
        Buffer.from(toBinary(FileDescriptorProtoSchema, each)),
      ),
    },
  }
}

/** Every full name that a file defines. */
function symbols(file: FileDescriptorProto): string[] {
  const prefix = file.package === '' ? '' : `${file.package}.`
  const inMessage = (outer: string, message: DescriptorProto): string[] => {
    const name = outer + message.name
    return [
      name,
      ...message.field.map((field) => `${name}.${field.name}`),
      ...message.enumType.map((each) => `${name}.${each.name}`),
      ...message.nestedType.flatMap((nested) => inMessage(`${name}.`, nested)),
    ]
  }
  return [
    ...file.messageType.flatMap((message) => inMessage(prefix, message)),
    ...file.enumType.map((each) => prefix + each.name),
    ...file.service.flatMap((service) => [
      prefix + service.name,
      ...service.method.map((method) => `${prefix}${service.name}.${method.name}`),
    ]),
  ]
}
