import { command } from './command.ts'
import { exactName, present } from './find.ts'
import { images } from './images.ts'
import { imageJson } from './json.ts'
import { inWords, labelsOf } from './labelled.ts'

const label = command({
  verb: 'label',
  object: 'image',
  summary: 'set and remove labels of an image, for lists and sync rules to tell it by',
  arguments: ['IMAGE', 'CHANGE...'],
  flags: {},
  about:
    'A CHANGE is KEY=VALUE to set a label, or KEY- to remove it; the others stay. Labels are no part of the image: its digest and its\n' +
    'name stay. Sync rules that go by them look anew at once.',
  examples: ['label debian-13.1-std-x86-20260615 team=net tier=gold', 'label debian-13 tier-'],
  async run(context, [reference, ...changes]) {
    const edit = editOf(changes)
    const name = await exactName(context, reference)
    const request = { requestId: context.newId(), name, ...edit }
    const answer = await images(context).labelImage(request, { signal: context.signal })
    const image = present(answer.image)
    return { json: imageJson(image), text: () => `${image.name} has the labels ${inWords(image)}.` }
  },
})

export const labelCommands = [label]

function editOf(changes: readonly string[]) {
  const removed = changes.filter((change) => !change.includes('=') && change.endsWith('-'))
  const set = changes.filter((change) => !removed.includes(change))
  return {
    set: labelsOf(set, 'write it as KEY=VALUE or KEY-', 'mrg-image label --help'),
    remove: removed.map((change) => change.slice(0, -1)),
  }
}
