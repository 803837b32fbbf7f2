import { parentPort } from 'node:worker_threads'

// A thread entry for the tests of the pool: its "hash" of a path does what the path says.
parentPort?.on('message', ({ input }: { readonly input: { readonly path: string } }) => {
  if (input.path === 'throw') throw new Error('this thread breaks')
  if (input.path === 'exit') process.exit(3)
  if (input.path === 'wait') return
  parentPort?.postMessage({ kind: 'done', value: input.path })
})
