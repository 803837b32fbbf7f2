/** One method of a generated service definition. */
export interface Method {
  readonly path: string
  readonly requestStream: boolean
  readonly responseStream: boolean
  readonly requestSerialize: (message: never) => Buffer
  readonly requestDeserialize: (bytes: Buffer) => unknown
  readonly responseSerialize: (message: never) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => unknown
}

/** A generated service definition: its methods by name. */
export type Definition = Readonly<Record<string, Method>>

export type RequestOf<M extends Method> = ReturnType<M['requestDeserialize']>
export type ResponseOf<M extends Method> = ReturnType<M['responseDeserialize']>

type Input<M extends Method> = M['requestStream'] extends true
  ? AsyncIterable<RequestOf<M>>
  : RequestOf<M>

type Output<M extends Method> = M['responseStream'] extends true
  ? AsyncIterable<ResponseOf<M>>
  : Promise<ResponseOf<M>>

/** A definition as plain async functions: a server implements it, and a client is one. */
export type Service<D extends Definition, Rest extends readonly unknown[]> = {
  readonly [K in keyof D]: (input: Input<D[K]>, ...rest: Rest) => Output<D[K]>
}
