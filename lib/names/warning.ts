/** Something that the person should know about an answer. */
export interface Warning {
  readonly code: 'LEGACY_FORM' | 'END_OF_LIFE' | 'DEPRECATED' | 'REVOKED' | 'ARCHIVED'
  /** The same as a sentence. */
  readonly message: string
}

export function legacyForm(word: string, modern: string): Warning {
  return { code: 'LEGACY_FORM', message: `"${word}" is an older form; write \`${modern}\`` }
}
