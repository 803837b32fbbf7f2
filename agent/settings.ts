import { z } from 'zod'
import type { Settings } from '../lib/settings.ts'
import { processSettings, text, time, upkeepSettings } from '../lib/upkeep.ts'

const address = z.string({ error: 'is missing' }).regex(/^.+:\d{1,5}$/, 'must be host:port')

/** What `merge-image agent` can be told; docs and --help are made from this. */
export const agentSettings = {
  facility: {
    about: 'whose agent this is, as the portal knows it',
    value: 'NAME',
    schema: text,
  },
  portal: {
    about: 'where the portal answers; 127.0.0.1:7410 if not given',
    value: 'HOST:PORT',
    schema: address.default('127.0.0.1:7410'),
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
  collectEvery: {
    about: 'how often what no image here needs is collected; 1h if not given, 0 for never',
    value: 'TIME',
    schema: time('1h'),
  },
  ...upkeepSettings,
  ...processSettings,
} satisfies Settings
