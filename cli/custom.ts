import { command } from './command.ts'
import { parseCount } from './count.ts'
import { facilities } from './facilities.ts'
import { exactName, present } from './find.ts'
import { images } from './images.ts'
import { imageJson } from './json.ts'
import { parseSize } from './size.ts'
import { bytes, counted, time } from './units.ts'

const mostDays = 366

const renew = command({
  verb: 'renew',
  object: 'image',
  summary: "give a facility's own image more time, counted from now",
  arguments: ['IMAGE'],
  flags: { days: { value: 'N', about: 'for how many days; what is usual there otherwise' } },
  about: 'It never makes the time shorter.',
  examples: ['renew lab1/debian-13-mytools', 'renew lab1/debian-13-mytools --days 180'],
  async run(context, [reference], flags) {
    const days = daysOf(flags.days, 'mrg-image renew --help')
    const name = await exactName(context, reference)
    const request = { requestId: context.newId(), name, days }
    const answer = await images(context).renewImage(request, { signal: context.signal })
    const image = present(answer.image)
    const until = time(image.custom?.expireTime)
    return { json: imageJson(image), text: () => `${name} is kept until ${until}.` }
  },
})

const share = command({
  verb: 'share',
  object: 'image',
  summary: "let other facilities have a facility's own image",
  arguments: ['IMAGE'],
  flags: { stop: { about: 'let them have it no longer; those that have it keep it' } },
  about:
    'That the image is there, anyone may know. Its bytes go from facility to facility, never to the portal.',
  examples: ['share lab1/debian-13-mytools', 'share lab1/debian-13-mytools --stop'],
  async run(context, [reference], { stop = false }) {
    const name = await exactName(context, reference)
    const request = { requestId: context.newId(), name, shared: !stop }
    const answer = await images(context).shareImage(request, { signal: context.signal })
    const next = `\`mrg-image push ${name} FACILITY\` has one fetch it`
    const told = stop ? 'is no longer shared' : `is shared: ${next}`
    return { json: imageJson(present(answer.image)), text: () => `${name} ${told}.` }
  },
})

const quota = command({
  verb: 'set',
  object: 'quota',
  summary: 'say how much of its own images a facility may keep, and for how long',
  arguments: ['FACILITY', 'SIZE'],
  flags: {
    days: {
      value: 'N',
      about: 'for how many days an image is kept if nobody says; as it was otherwise',
    },
  },
  about: 'SIZE is a size such as 200G, or 0 for none. What is there already stays.',
  examples: ['set quota lab1 200G', 'set quota lab1 1T --days 180'],
  async run(context, [name, size], flags) {
    const { signal, newId } = context
    const help = 'mrg-image set quota --help'
    const customQuotaBytes = size === '0' ? 0n : BigInt(parseSize('SIZE', size, help))
    const before = present((await facilities(context).getFacility({ name }, { signal })).facility)
    const customDays = daysOf(flags.days, help) || before.customDays
    const request = { requestId: newId(), facility: name, customQuotaBytes, customDays }
    const facility = present((await facilities(context).putQuota(request, { signal })).facility)
    const days = `each for ${counted(customDays, 'day')} if nobody says otherwise`
    const text = `${name} may keep ${bytes(customQuotaBytes)} of images of its own, ${days}; ${bytes(facility.customBytes)} are there.`
    return { json: facility, text: () => text }
  },
})

export const customCommands = [renew, share, quota]

/** 0 for what is usual. */
function daysOf(text: string | undefined, help: string): number {
  return text === undefined ? 0 : parseCount('--days', text, mostDays, help)
}
