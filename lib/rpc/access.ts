import type { Caller } from './caller.ts'
import type { Definition, Method, RequestOf } from './service.ts'

/** Whether a caller may make a call. A method that reads a stream is decided before its first message. */
export type Rule<Request> = (caller: Caller, request: Request) => boolean

type Decided<M extends Method> = M['requestStream'] extends true ? undefined : RequestOf<M>

/** One rule a method: a method without a rule does not compile. */
export type Access<D extends Definition> = {
  readonly [K in keyof D]: Rule<Decided<D[K]>>
}
