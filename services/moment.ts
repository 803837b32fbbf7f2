// Times as sentences for people have them.

/** `2026-06-15 10:22 UTC` */
export function minute(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** `2026-06-15 10:22:31 UTC` */
export function second(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
