import { mrgImage } from './mrg.ts'
import { start } from './start.ts'

await start(mrgImage, process.env)
