import { parentPort } from 'node:worker_threads'

// A thread entry for the tests of the pool: its "segment" does what the path says.
interface Cut {
  readonly input: { readonly filling: { readonly path: string } }
}

parentPort?.on('message', ({ input }: Cut) => {
  const { path } = input.filling
  if (path === 'throw') throw new Error('this thread breaks')
  if (path === 'exit') process.exit(3)
  if (path === 'wait') return
  parentPort?.postMessage({ kind: 'done', value: path })
})
