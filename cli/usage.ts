/** The command line cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  /** What to type to learn more. */
  readonly help: string

  constructor(message: string, help: string) {
    super(message)
    this.help = help
  }
}
