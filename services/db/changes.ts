import { makeBells } from '../../lib/bell.ts'
import type { Sql, Transaction } from './open.ts'

/** Wakes those who wait for the database to change. */
export interface Changes extends AsyncDisposable {
  /** Resolves at the next change, after some seconds at the latest, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>
}

const channel = 'merge_image'
/** A notification can be lost, so nobody waits longer than this. */
const pollMs = 15_000

/** Says, when the transaction commits, that what facilities should hold may have changed. */
export async function announce(tx: Sql | Transaction): Promise<void> {
  await tx`select pg_notify(${channel}, '')`
}

/** Listens for the announcements of every portal on this database. */
export async function listenForChanges(sql: Sql): Promise<Changes> {
  const news = await listenOn(sql, channel)
  return {
    next: (signal) => news.next('', pollMs, signal),
    [Symbol.asyncDispose]: () => news[Symbol.asyncDispose](),
  }
}

const buildChannel = 'merge_image_builds'
const queueChannel = 'merge_image_queue'

/** Wakes those who wait for builds; each resolves at the news, after so many milliseconds at the latest, or when the signal aborts. */
export interface BuildNews extends AsyncDisposable {
  /** That this build went on. */
  ofBuild(name: string, withinMs: number, signal: AbortSignal): Promise<void>
  /** That there may be a build to claim for a facility, or for the portal. */
  ofQueue(facility: string | null, withinMs: number, signal: AbortSignal): Promise<void>
}

/** Says, when the transaction commits, that a build went on: to those who watch it. */
export async function announceBuild(tx: Sql | Transaction, name: string): Promise<void> {
  await tx`select pg_notify(${buildChannel}, ${name})`
}

/** Says, when the transaction commits, that a build waits or that there is room for one: to the builders of its owner. */
export async function announceQueue(tx: Sql | Transaction, facility: string | null): Promise<void> {
  await tx`select pg_notify(${queueChannel}, ${ownerKey(facility)})`
}

export async function listenForBuilds(sql: Sql): Promise<BuildNews> {
  const builds = await listenOn(sql, buildChannel)
  const queues = await listenOn(sql, queueChannel)
  return {
    ofBuild: (name, withinMs, signal) => builds.next(name, withinMs, signal),
    ofQueue: (facility, withinMs, signal) => queues.next(ownerKey(facility), withinMs, signal),
    async [Symbol.asyncDispose]() {
      await builds[Symbol.asyncDispose]()
      await queues[Symbol.asyncDispose]()
    },
  }
}

const eventChannel = 'merge_image_events'

/** Wakes those who watch the audit log. */
export interface EventNews extends AsyncDisposable {
  /** Resolves when events have come, after some seconds at the latest, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>
}

/** Says, when the transaction commits, that there are more events in the chain. */
export async function announceEvents(tx: Transaction): Promise<void> {
  await tx`select pg_notify(${eventChannel}, '')`
}

export async function listenForEvents(sql: Sql): Promise<EventNews> {
  const news = await listenOn(sql, eventChannel)
  return {
    next: (signal) => news.next('', pollMs, signal),
    [Symbol.asyncDispose]: () => news[Symbol.asyncDispose](),
  }
}

const accessChannel = 'merge_image_access'

/** Wakes those who watch who may come in. */
export interface AccessNews extends AsyncDisposable {
  /** Resolves when somebody is somebody else from now on, after so many milliseconds at the latest, or when the signal aborts. */
  next(withinMs: number, signal: AbortSignal): Promise<void>
}

/** Says, when the transaction commits, that somebody is somebody else, or nobody, from now on. */
export async function announceAccess(tx: Transaction): Promise<void> {
  await tx`select pg_notify(${accessChannel}, '')`
}

export async function listenForAccess(sql: Sql): Promise<AccessNews> {
  const news = await listenOn(sql, accessChannel)
  return {
    next: (withinMs, signal) => news.next('', withinMs, signal),
    [Symbol.asyncDispose]: () => news[Symbol.asyncDispose](),
  }
}

function ownerKey(facility: string | null): string {
  return facility ?? ''
}

interface Listener extends AsyncDisposable {
  next(key: string, withinMs: number, signal: AbortSignal): Promise<void>
}

async function listenOn(sql: Sql, name: string): Promise<Listener> {
  const bells = makeBells()
  const listener = await sql.listen(name, (key) => {
    bells.ring(key)
  })
  return {
    next: (key, withinMs, signal) => bells.next(key, withinMs, signal),
    async [Symbol.asyncDispose]() {
      await listener.unlisten()
    },
  }
}
