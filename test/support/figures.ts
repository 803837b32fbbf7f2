/** The figures that a process tells, by name and labels as Prometheus writes them. */
export async function figuresAt(address: string): Promise<Readonly<Record<string, number>>> {
  const response = await fetch(`http://${address}/metrics`)
  if (!response.ok) throw new Error(`${address} answers ${response.status}`)
  const lines = (await response.text()).split('\n').filter((line) => /^[a-z]/.test(line))
  return Object.fromEntries(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end).replace(/^merge_image_/, ''), Number(line.slice(end + 1))]
    }),
  )
}
