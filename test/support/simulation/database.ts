import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { openAgentDatabase } from '../../../agent/database.ts'
import type { Chance } from './chance.ts'
import type { Process } from './process.ts'

/** The file of an agent's database, over crashes: real SQLite on a real file. */
export interface DatabaseFile extends Disposable {
  /** Opens it for a process, which can be ended at each commit. */
  open(process: Process): DatabaseSync
  /** The process has ended: what comes now is written to nothing. With the power the commits that were not synced may go. */
  crash(chance: Chance | undefined): void
  /** Whether it is so full that nothing can be added. */
  fill(isFull: boolean): void
  readonly db: DatabaseSync | undefined
}

/** In memory where there is such a place. */
const place = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

export function databaseFile(): DatabaseFile {
  const folders: string[] = []
  const opened: DatabaseSync[] = []
  const newFolder = (): string => {
    folders.push(mkdtempSync(join(place, 'simulation-')))
    return folders.at(-1) ?? ''
  }
  let [folder, durableBytes] = [newFolder(), 0]
  let db: DatabaseSync | undefined
  const walBytes = (): number => sizeOf(join(folder, 'agent.db-wal'))
  return {
    open(process) {
      const made = openAgentDatabase(folder, process.now)
      opened.push(made)
      const isSynced = made.prepare('PRAGMA synchronous')
      let known = walBytes()
      db = watched(made, () => {
        if (process.isOver || made.isTransaction || walBytes() === known) return
        known = walBytes()
        if (Number(isSynced.get()?.['synchronous']) >= 2) durableBytes = known
        process.moment()
      })
      return db
    },
    crash(chance) {
      const next = newFolder()
      const [least, most] = [Math.min(durableBytes, walBytes()), walBytes()]
      const kept = chance?.between(least, most) ?? most
      copyFileSync(join(folder, 'agent.db'), join(next, 'agent.db'))
      const wal = join(folder, 'agent.db-wal')
      if (existsSync(wal))
        writeFileSync(join(next, 'agent.db-wal'), readFileSync(wal).subarray(0, kept))
      if (chance !== undefined) durableBytes = kept
      folder = next
      db = undefined
    },
    fill(isFull) {
      if (db === undefined) return
      const { page_count: pages } = db.prepare('PRAGMA page_count').get() ?? {}
      db.exec(`PRAGMA max_page_count = ${isFull ? Number(pages) : 2 ** 30}`)
    },
    get db() {
      return db
    },
    [Symbol.dispose]: () => {
      for (const one of opened) one.close()
      for (const one of folders) rmSync(one, { recursive: true })
    },
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

/** Tells after each statement that may have written; each is prepared once, because runs are many. */
function watched(db: DatabaseSync, onWrite: () => void): DatabaseSync {
  const [exec, prepare] = [db.exec.bind(db), db.prepare.bind(db)]
  const known = new Map<string, StatementSync>()
  const told = <A extends unknown[], T>(act: (...values: A) => T) => {
    return (...values: A): T => {
      const result = act(...values)
      onWrite()
      return result
    }
  }
  const telling = (statement: StatementSync): StatementSync => {
    const [run, all] = [statement.run.bind(statement), statement.all.bind(statement)]
    return Object.assign(statement, { run: told(run), all: told(all) })
  }
  return Object.assign(db, {
    exec: told(exec),
    prepare(sql: string) {
      const made = known.get(sql) ?? telling(prepare(sql))
      known.set(sql, made)
      return made
    },
  })
}
