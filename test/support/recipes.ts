/** A recipe that can be used, with some fields otherwise; an undefined one is left out. */
export function recipeText(fields: Readonly<Record<string, string | undefined>> = {}): string {
  const all: Record<string, string | undefined> = {
    line: 'debian-13-std-x86',
    builder: 'mmdebstrap',
    suites: '[trixie]',
    size: '2G',
    ...fields,
  }
  return Object.entries(all)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\n`]))
    .join('')
}
