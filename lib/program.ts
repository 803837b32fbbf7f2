import { Failure, stopped } from './failure.ts'

/** Aborts when the process is asked to stop; asked twice, it stops at once. */
export function untilStopped(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort(stopped('STOPPED', 'The process was asked to stop.'))
    })
  }
  return controller.signal
}

/** Runs a program, which may set the exit code: a Failure is told in one sentence, a defect with its stack, and either ends with `failed`. */
export async function runProgram(
  name: string,
  program: () => Promise<void>,
  failed = 1,
): Promise<void> {
  try {
    await program()
    process.exit()
  } catch (error) {
    const text = error instanceof Failure ? error.message : String((error as Error).stack ?? error)
    process.stderr.write(`${name}: ${text}\n`)
    process.exit(failed)
  }
}
