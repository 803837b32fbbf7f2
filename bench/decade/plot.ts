/** A curve of a plot: a value for each month. */
export interface Curve {
  readonly name: string
  readonly colour: string
  readonly values: readonly number[]
}

const [width, height] = [800, 440]
const margin = { left: 70, right: 210, top: 50, bottom: 40 }
const inner = {
  width: width - margin.left - margin.right,
  height: height - margin.top - margin.bottom,
}

/** Draws curves over the years as a picture in SVG, with their last values beside them. */
export function plot(title: string, firstYear: number, curves: readonly Curve[]): string {
  const most = niceMost(Math.max(...curves.flatMap(({ values }) => values)))
  const months = Math.max(...curves.map(({ values }) => values.length))
  const x = (month: number) => margin.left + (month / (months - 1)) * inner.width
  const y = (value: number) => margin.top + (1 - value / most) * inner.height
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    text(margin.left, 24, title, 'font-size="15"'),
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => level(most * share, y(most * share))),
    ...Array.from({ length: Math.floor(months / 12) + 1 }, (_, year) =>
      text(x(year * 12), height - 16, String(firstYear + year), 'text-anchor="middle"'),
    ),
    ...curves.flatMap((curve) => drawn(curve, x, y)),
    '</svg>\n',
  ].join('\n')
}

function level(value: number, at: number): readonly string[] {
  return [
    `<path d="M${margin.left} ${at.toFixed(1)}h${inner.width}" stroke="#ddd"/>`,
    text(margin.left - 8, at + 4, size(value), 'text-anchor="end"'),
  ]
}

function drawn(
  { name, colour, values }: Curve,
  x: (month: number) => number,
  y: (value: number) => number,
): readonly string[] {
  const points = values.map((value, month) => `${x(month).toFixed(1)},${y(value).toFixed(1)}`)
  const last = values.at(-1) ?? 0
  return [
    `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    text(width - margin.right + 8, y(last) + 4, `${name}: ${size(last)}`, `fill="${colour}"`),
  ]
}

function text(x: number, y: number, words: string, more: string): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${words}</text>`
}

export function size(bytes: number): string {
  return bytes >= 1e12 ? `${(bytes / 1e12).toFixed(2)} TB` : `${(bytes / 1e9).toFixed(0)} GB`
}

/** The next round number. */
function niceMost(value: number): number {
  const step = 10 ** Math.floor(Math.log10(Math.max(value, 1)))
  return Math.ceil(value / step) * step
}
