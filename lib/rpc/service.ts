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

type Input<Streams, Message> = Streams extends true ? AsyncIterable<Message> : Message
type Output<Streams, Message> = Streams extends true ? AsyncIterable<Message> : Promise<Message>

/** A definition as the plain async functions that a server implements. */
export type Service<D extends Definition, Rest extends readonly unknown[]> = {
  readonly [K in keyof D]: (
    input: Input<D[K]['requestStream'], RequestOf<D[K]>>,
    ...rest: Rest
  ) => Output<D[K]['responseStream'], Parameters<D[K]['responseSerialize']>[0]>
}

/** A definition as the plain async functions that a client calls. */
export type Client<D extends Definition, Rest extends readonly unknown[]> = {
  readonly [K in keyof D]: (
    input: Input<D[K]['requestStream'], Parameters<D[K]['requestSerialize']>[0]>,
    ...rest: Rest
  ) => Output<D[K]['responseStream'], ResponseOf<D[K]>>
}
