import { connect, type Remote } from '../lib/rpc/connect.ts'
import {
  ArtifactKind,
  BootMode,
  ImageFilter,
  ImageServiceService,
  ImageState,
  ImageStorage,
  imageStateFromJSON,
  imageStorageFromJSON,
  type Artifact,
  type Image,
} from '../proto/gen/merge/image/v1/image.ts'
import { areUnpassed, checkTable } from './checks.ts'
import { command, type Answer, type Context, type Paint } from './command.ts'
import { everyItem, exactName, present } from './find.ts'
import { imageJson } from './json.ts'
import { inWords, selectorFlag } from './labelled.ts'
import { originFacts } from './provenance.ts'
import { remarks, standingFacts } from './life.ts'
import { byFacility } from './matrix.ts'
import { coloured, facts, listed, rowsOf } from './table.ts'
import { bytes, counted, plain, share, time } from './units.ts'
import { word, wordsOf } from './words.ts'

const list = command({
  verb: 'list',
  object: 'images',
  summary: 'list the images of the portal and of facilities, newest first',
  arguments: [],
  flags: {
    distro: { value: 'DISTRO', about: 'only this distro' },
    release: { value: 'RELEASE', about: 'only this release, in digits' },
    role: { value: 'ROLE', about: 'only this role' },
    arch: { value: 'ARCH', about: 'only this architecture' },
    namespace: { value: 'NAME', about: 'only those of `portal`, or of this facility' },
    state: { value: 'STATE', about: 'only this state', choices: wordsOf(ImageState) },
    storage: {
      value: 'WHERE',
      about: 'only those whose bytes are there',
      choices: wordsOf(ImageStorage),
    },
    labels: selectorFlag,
    'by-facility': { about: 'say which facility holds which, and which lags' },
  },
  examples: [
    'list',
    'list --distro debian --state candidate',
    'list --labels team=net,!old',
    'list --by-facility',
  ],
  async run(context, _args, { 'by-facility': isMatrix, ...asked }) {
    const { state = 'unspecified', storage = 'unspecified', labels = '', ...more } = asked
    const filter = ImageFilter.create({
      ...more,
      labels: labels === '' ? [] : labels.split(','),
      state: imageStateFromJSON(`IMAGE_STATE_${state.toUpperCase()}`),
      storage: imageStorageFromJSON(`IMAGE_STORAGE_${storage.toUpperCase()}`),
    })
    const { signal } = context
    const found = await everyItem(
      (page) => images(context).listImages({ ...page, filter }, { signal }),
      (page) => page.images,
    )
    if (isMatrix === true) {
      return byFacility(
        context,
        found.map(({ name }) => name),
      )
    }
    return listed('images', found, imageJson, headings, imageCells)
  },
})

const show = command({
  verb: 'show',
  object: 'image',
  summary: 'show one image: what it is, where it comes from, its state, size and files',
  arguments: ['IMAGE'],
  flags: {},
  examples: ['show ubuntu-2404.4-std-x86-20260615', 'show fedora', 'show image fedora --json'],
  async run(context, [reference]) {
    const name = await exactName(context, reference)
    const { image } = await images(context).getImage({ name }, { signal: context.signal })
    return shown(present(image))
  },
})

const descendants = command({
  verb: 'list',
  object: 'descendants',
  summary: 'list the images that were made of an image, however far down, newest first',
  arguments: ['IMAGE'],
  flags: {},
  examples: ['list descendants debian-13'],
  async run(context, [reference]) {
    const name = await exactName(context, reference)
    const { signal } = context
    const found = await everyItem(
      (page) => images(context).listDescendants({ ...page, name }, { signal }),
      (page) => page.images,
    )
    return listed('descendants', found, imageJson, headings, imageCells)
  },
})

const release = command({
  verb: 'release',
  object: 'image',
  summary: 'release a candidate, so that partial names and aliases find it',
  arguments: ['IMAGE'],
  flags: {
    reason: { value: 'TEXT', about: 'why, where not all checks of a built image passed' },
    etag: { value: 'ETAG', about: 'only if the image still has this etag' },
  },
  examples: ['release debian-13.1-std-x86-20260615'],
  async run(context, [reference], { etag = '', reason = '' }) {
    const name = await exactName(context, reference)
    const request = { requestId: context.newId(), name, etag, reason }
    const answer = await images(context).releaseImage(request, { signal: context.signal })
    const image = present(answer.image)
    return {
      json: imageJson(image),
      text: (paint) => `${image.name} is ${coloured(paint, word(ImageState, image.state))}.`,
    }
  },
})

/** Commands on images; publish and resolve have files of their own. */
export const imageCommands = [list, show, descendants, release]

export function images({ channel }: Context): Remote<ImageServiceService> {
  return connect(ImageServiceService, channel)
}

const headings = ['Image', 'State', 'Storage', '>Size', '>Stored', 'Published', 'System', 'Remarks']

function imageCells(image: Image, paint: Paint): readonly string[] {
  const { name, state, storedBytes, createTime, displayName } = image
  const sizes = [bytes(wholeBytes(image)), bytes(storedBytes)]
  return [
    name,
    coloured(paint, word(ImageState, state)),
    coloured(paint, word(ImageStorage, image.storage)),
    ...sizes,
    time(createTime),
    plain(displayName),
    remarks(image),
  ]
}

function wholeBytes({ artifacts }: Image): bigint {
  return artifacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0n)
}

function shown(image: Image): Answer {
  return {
    json: imageJson(image),
    text: (paint) =>
      [
        `${paint('bold', image.name)}\n${plain(image.displayName)}`,
        facts(paint, imageFacts(paint, image)),
        rowsOf(
          paint,
          'files',
          ['File', '>Size', '>Data', 'SHA-256'],
          image.artifacts,
          artifactCells,
        ),
        ...(image.checks.length === 0 ? [] : [checkTable(paint, image.checks), advice(image)]),
      ]
        .filter((part) => part !== '')
        .join('\n\n'),
  }
}

function imageFacts(paint: Paint, image: Image): (readonly [string, string])[] {
  const { chunkBytes, storedBytes, chunkCount } = image
  const ratio = `${share(storedBytes, chunkBytes)} of ${bytes(chunkBytes)}`
  return [
    ...standingFacts(paint, image),
    ['Published', `${time(image.createTime)} by ${plain(image.creator)}`],
    ['Notes', plain(image.notes)],
    ['Labels', inWords(image)],
    ...originFacts(paint, image),
    ['Digest', image.digest],
    ['Size', bytes(wholeBytes(image))],
    ['Stored', `${bytes(storedBytes)} in ${counted(chunkCount, 'chunk')}, ${ratio}`],
    ['Etag', image.etag],
  ]
}

/** What to do about a candidate whose checks did not all pass. */
function advice({ name, state, checks }: Image): string {
  if (state !== ImageState.IMAGE_STATE_CANDIDATE || !areUnpassed(checks)) return ''
  return `Not all passed: it is released with a reason only, \`mrg-image release ${name} --reason TEXT\`.`
}

function artifactCells({ kind, boot, sizeBytes, dataBytes, sha256 }: Artifact): readonly string[] {
  const firmware = boot > BootMode.BOOT_MODE_ANY ? ` (${word(BootMode, boot)})` : ''
  const hex = sha256.replace(/^sha256:/, '')
  return [word(ArtifactKind, kind) + firmware, bytes(sizeBytes), bytes(dataBytes), hex]
}
