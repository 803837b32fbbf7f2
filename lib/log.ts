import { pino, type Logger } from 'pino'

/** The one logger of a process; it is passed down, never imported. */
export function makeLog(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime })
}
