export {}

/**
 * jest runs tests in a realm of their own, where the errors of Node's own modules are no instances of `Error`. Importing
 * this makes them so again, for libraries that ask.
 */
const ordinary = Reflect.get(Function.prototype, Symbol.hasInstance)
Object.defineProperty(Error, Symbol.hasInstance, {
  value(this: unknown, error: unknown): boolean {
    if (this === Error && Object.prototype.toString.call(error) === '[object Error]') return true
    return Reflect.apply(ordinary, this, [error])
  },
})
