import type { experimental } from '@grpc/grpc-js'
import type { Certified } from './certified.ts'

/** What a process shows of itself, which may become another while it runs. */
export interface Shown {
  readonly current: () => Certified
  /** Tells the listener at once, and again whenever another is shown. */
  readonly follow: (listener: Listener) => Disposable
}

type Listener = (certified: Certified) => void

/** What is shown until another is. */
export interface Renewable extends Shown {
  readonly show: (certified: Certified) => void
}

export function renewable(first: Certified): Renewable {
  let current = first
  const listeners = new Set<Listener>()
  return {
    current: () => current,
    show: (certified) => {
      current = certified
      for (const listener of listeners) listener(certified)
    },
    follow: (listener) => {
      listeners.add(listener)
      listener(current)
      return {
        [Symbol.dispose]: () => {
          listeners.delete(listener)
        },
      }
    },
  }
}

const nobody: Disposable = { [Symbol.dispose]: () => undefined }

/** The same as grpc-js wants to be told it: connections that come later show and believe what is current then. */
export function providerOf({ follow }: Shown): experimental.CertificateProvider {
  const following = new Map<unknown, Disposable>()
  const add = (key: unknown, listener: Listener): void => {
    following.set(key, nobody)
    // A server of grpc-js looks at what it is told from the next moment on.
    queueMicrotask(() => {
      if (following.has(key)) following.set(key, follow(listener))
    })
  }
  const remove = (key: unknown): void => {
    following.get(key)?.[Symbol.dispose]()
    following.delete(key)
  }
  return {
    addCaCertificateListener: (listener) => {
      add(listener, ({ authority }) => {
        listener({ caCertificate: authority })
      })
    },
    removeCaCertificateListener: remove,
    addIdentityCertificateListener: (listener) => {
      add(listener, ({ chain, key }) => {
        listener({ certificate: chain, privateKey: key })
      })
    },
    removeIdentityCertificateListener: remove,
  }
}
