import { mrsImage } from './mrs.ts'
import { start } from './start.ts'

await start(mrsImage, process.env)
