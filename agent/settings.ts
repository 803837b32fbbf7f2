import { z } from 'zod'
import { metricsSettings } from '../lib/metrics/settings.ts'
import { offerSettings } from '../lib/offered/settings.ts'
import { byteRate } from '../lib/rates.ts'
import type { Settings } from '../lib/settings.ts'
import { percent, size } from '../lib/sizefields.ts'
import { address, processSettings, text, time, upkeepSettings } from '../lib/upkeep.ts'
import { parseWindow, windowPattern, windowRule } from '../lib/window.ts'
import { builderSettings } from './build/settings.ts'
import { importSettings } from './import/settings.ts'
import { projectionSettings } from './projection/settings.ts'

/** What `merge-image agent` can be told; docs and --help are made from this. */
export const agentSettings = {
  facility: {
    about: 'whose agent this is, as the portal knows it; as it joined if not given',
    value: 'NAME',
    schema: text.optional(),
  },
  portal: {
    about: 'where the portal answers; as it joined if not given, or 127.0.0.1:7410',
    value: 'HOST:PORT',
    schema: address.optional(),
  },
  data: {
    about: 'where the agent keeps its chunks; made if it is not there',
    value: 'DIR',
    schema: text,
  },
  socket: {
    about: 'where mrs-image finds the agent; DIR/agent.sock if not given',
    value: 'PATH',
    schema: text.optional(),
  },
  listen: {
    about: 'where to serve chunks to other facilities; not at all if not given',
    value: 'HOST:PORT',
    schema: address.optional(),
  },
  advertise: {
    about: 'where other facilities find that; as --listen if not given',
    value: 'HOST:PORT',
    schema: address.optional(),
  },
  fetchRate: {
    about: 'bytes a second that are fetched at most; without end if not given',
    value: 'SIZE',
    schema: byteRate,
  },
  fetchWindow: {
    about: 'when images are fetched, in UTC; at any time if not given',
    value: 'HH:MM-HH:MM',
    schema: z
      .string()
      .regex(windowPattern, windowRule)
      .transform((text) => parseWindow(text))
      .refine(({ from, to }) => from !== to, windowRule)
      .optional(),
  },
  serveRate: {
    about: 'bytes a second that are sent to others at most, all together; without end if not given',
    value: 'SIZE',
    schema: byteRate,
  },
  collectEvery: {
    about: 'how often what no image here needs is collected; 1h if not given, 0 for never',
    value: 'TIME',
    schema: time('1h'),
  },
  mostBytes: {
    about: 'what the store may take; as much as the disk holds if not given',
    value: 'SIZE',
    schema: size.optional(),
  },
  evictAbove: {
    about: 'the share of that, or of the disk, above which images are let go; 90% if not given',
    value: 'SHARE',
    schema: percent.default(0.9),
  },
  evictBelow: {
    about: 'the share down to which they are; 80% if not given, or --evict-above if that is less',
    value: 'SHARE',
    schema: percent.optional(),
  },
  evictEvery: {
    about: 'how often that is looked at; 1m if not given, 0 for only when an image does not fit',
    value: 'TIME',
    schema: time('1m'),
  },
  keepUsed: {
    about: 'how long an image stays after its last use; 30d if not given',
    value: 'TIME',
    schema: time('30d'),
  },
  keepUnwanted: {
    about: 'how long an image stays after it was wanted last; 7d if not given',
    value: 'TIME',
    schema: time('7d'),
  },
  ...projectionSettings,
  ...offerSettings,
  ...builderSettings,
  ...importSettings,
  ...metricsSettings,
  ...upkeepSettings,
  ...processSettings,
} satisfies Settings
