import { formOf, keysOf, type Form, type LaidFile } from './layout.ts'

/** An image that is here. */
export interface Shown {
  readonly name: string
  readonly digest: string
  readonly files: readonly LaidFile[]
  /** Not to be used any more: its exact name stays, and no alias leads there. */
  readonly isRevoked: boolean
}

/** What is to lie at a key. */
export interface Wanted {
  readonly key: string
  /** The exact name or alias under which it lies there. */
  readonly name: string
  readonly image: string
  readonly file: LaidFile
  readonly form: Form
  /** The same for the same bytes. */
  readonly content: string
}

/** What was laid out, or begun to be. */
export interface Laid {
  readonly key: string
  readonly name: string
  readonly image: string
  readonly content: string
  /** Which file or object it is there; empty where it may have come there or not. */
  readonly token: string
}

export interface Wish {
  readonly template: string
  readonly form: Form
  /** Where the aliases that are asked for point, of those that point at an image that is wanted here. */
  readonly aliases: ReadonlyMap<string, string>
  /** Those that are asked for by their names, wherever they point. */
  readonly named?: ReadonlySet<string>
}

export interface Plan {
  readonly puts: readonly Wanted[]
  /** The keys under which nothing is to lie any more. */
  readonly removals: readonly string[]
}

/** What lies where. Where two files want one key, the first keeps it: their images differ in what boots them, and the layout does not say. */
export function wantedOf(images: readonly Shown[], wish: Wish): ReadonlyMap<string, Wanted> {
  const wanted = new Map<string, Wanted>()
  const lay = (name: string, { name: image, digest, files }: Shown): void => {
    for (const file of files) {
      const form = formOf(file, wish.form)
      const content = [digest, file.kind, file.boot, form].join(' ')
      for (const key of keysOf(wish.template, name, file, wish.form)) {
        if (!wanted.has(key)) wanted.set(key, { key, name, image, file, form, content })
      }
    }
  }
  const here = new Map(images.map((image) => [image.name, image]))
  for (const image of images) lay(image.name, image)
  for (const [alias, target] of wish.aliases) {
    const image = here.get(target)
    if (image?.isRevoked === false) lay(alias, image)
  }
  return wanted
}

/** Whether it is known to lie there. */
export function isSure({ token }: Pick<Laid, 'token'>): boolean {
  return token !== ''
}

/**
 * What is to be done so that everything lies as it is wanted. An alias whose new image is not here keeps what it has, unless that is
 * revoked, and nothing goes while its name lacks something: nobody finds nothing under a name that goes on.
 */
export function planProjection(images: readonly Shown[], wish: Wish, laid: readonly Laid[]): Plan {
  const wanted = wantedOf(images, wish)
  const there = new Map(laid.filter(isSure).map((one) => [one.key, one.content]))
  const here = new Set(images.map(({ name }) => name))
  const puts = [...wanted.values()].filter(({ key, content }) => there.get(key) !== content)
  const lacking = new Set(puts.map(({ name }) => name))
  const revoked = new Set(images.filter(({ isRevoked }) => isRevoked).map(({ name }) => name))
  const awaits = ({ name, image }: Laid): boolean => {
    const target = wish.aliases.get(name)
    const goesOn = target === undefined ? wish.named?.has(name) === true : !here.has(target)
    return goesOn && !revoked.has(image)
  }
  const removals = laid.filter(
    (one) => !wanted.has(one.key) && !lacking.has(one.name) && !awaits(one),
  )
  return { puts, removals: removals.map(({ key }) => key) }
}
