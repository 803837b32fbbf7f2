/** Each way to write an address of IPv4 that somebody's parser takes. */
export function formsOf(address: string): string[] {
  const parts = address.split('.').map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = parts
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const hex = (n: number, width = 0): string => `0x${n.toString(16).padStart(width, '0')}`
  const octal = (n: number, width = 0): string => `0${n.toString(8).padStart(width, '0')}`
  const [high, low] = [(a * 256 + b).toString(16), (c * 256 + d).toString(16)]
  const wide = Array.from(address).map((letter) =>
    /\d/.test(letter) ? String.fromCodePoint(0xff10 + Number(letter)) : '\u3002',
  )
  const circled = Array.from(address).map(
    (letter) => ({ '1': '①', '2': '②', '7': '⑦' })[letter] ?? letter,
  )
  return [
    address,
    `${address}.`,
    String(whole),
    hex(whole),
    hex(whole).toUpperCase().replace('X', 'x'),
    octal(whole),
    parts.map((part) => hex(part)).join('.'),
    parts.map((part) => hex(part, 8)).join('.'),
    parts.map((part) => octal(part)).join('.'),
    parts.map((part) => octal(part, 6)).join('.'),
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${hex(a)}.${(b * 256 + c) * 256 + d}`,
    `${octal(a)}.${b}.${hex(c * 256 + d)}`,
    `[::ffff:${address}]`,
    `[::ffff:${high}:${low}]`,
    `[0:0:0:0:0:ffff:${address}]`,
    `[0000:0000:0000:0000:0000:FFFF:${high}:${low}]`,
    `[::${address}]`,
    `[::${high}:${low}]`,
    `[64:ff9b::${address}]`,
    `[64:ff9b:1::${high}:${low}]`,
    `[2002:${high}:${low}::]`,
    `[2002:${high}:${low}::1]`,
    `[::ffff:0:${address}]`,
    wide.join(''),
    circled.join(''),
    address.replaceAll('.', '%2e'),
    Array.from(address)
      .map((letter) => `%${letter.charCodeAt(0).toString(16)}`)
      .join(''),
    `${address}.nip.example`,
    `user@${address}`,
    `user:secret@${address}`,
    `images.example@${address}`,
    `1.1.1.1%20@${address}`,
  ]
}
