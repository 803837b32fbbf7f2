import { writeFileSync } from 'node:fs'
import { decade } from './decade.ts'
import { live, type Lived, type Month } from './life.ts'
import { plot, size } from './plot.ts'

// Ten years of a portal in a minute: what its store, its archive, and whole files in their stead would take. Writes docs/ten-years.svg.

const picture = new URL('../../docs/ten-years.svg', import.meta.url)

function tell({ months, days, holds, looks }: Lived): string {
  const row = (month: Month): string =>
    [
      month.date.toISOString().slice(0, 7),
      month.built,
      month.held,
      size(month.storeBytes),
      size(month.archiveBytes),
      size(month.wholeBytes),
      size(month.everBytes),
    ].join(' | ')
  return [
    `${days} days, ${holds} holds; ${looks} times a held image was looked for, and was there, whole.`,
    '',
    '| month | built | held | store | archive | the same as whole files | all ever built, as whole files |',
    '|---|---|---|---|---|---|---|',
    ...months.filter((_, i) => i % 12 === 11).map((month) => `| ${row(month)} |`),
  ].join('\n')
}

function draw({ months }: Lived): string {
  const values = (of: (month: Month) => number) => months.map(of)
  return plot('40 lines built quarterly for ten years', months[0]?.date.getUTCFullYear() ?? 0, [
    { name: 'all, whole files', colour: '#999', values: values(({ everBytes }) => everBytes) },
    { name: 'kept, whole files', colour: '#c60', values: values(({ wholeBytes }) => wholeBytes) },
    { name: 'archive', colour: '#06c', values: values(({ archiveBytes }) => archiveBytes) },
    { name: 'store', colour: '#080', values: values(({ storeBytes }) => storeBytes) },
  ])
}

const lived = live(decade)
process.stdout.write(`${tell(lived)}\n`)
writeFileSync(picture, draw(lived))
