import ipaddr from 'ipaddr.js'
import { denied, type Failure, invalid } from '../../lib/failure.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6

/** Addresses that the agent's owner lets sources look at, though they are inside or speak without TLS. */
export type Allowed = readonly (readonly [Address, number])[]

export function parseAllowed(ranges: readonly string[]): Allowed {
  return ranges.map((range) => {
    const text = range.includes('/') ? range : `${range}/${range.includes(':') ? 128 : 32}`
    const isWhole = text.includes(':') || /^\d+\.\d+\.\d+\.\d+\//.test(text)
    if (isWhole && ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text)
    const why = `"${range}" is no range of addresses: write it as 10.1.2.0/24 or fd00:1::/64`
    throw invalid('INVALID_FIELD', why, { field: 'insideAllowed' })
  })
}

/**
 * Throws ADDRESS_REFUSED unless a source may be asked at this address: on the Internet with TLS, or where the agent's owner
 * allowed it.
 */
export function checkAddress(
  { protocol, host }: { readonly protocol: string; readonly host: string },
  address: string,
  allowed: Allowed,
): void {
  if (!ipaddr.isValid(address)) throw refused(host, address, 'which is no address')
  // The kernel takes an address of IPv6 that has one of IPv4 inside for that one.
  const parsed = ipaddr.process(address)
  if (allowed.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits)))
    return
  if (!isOutside(parsed)) throw refused(host, address, `which is ${wordsFor(parsed)}`)
  if (protocol !== 'https:') {
    const text = `${host} is to be asked without TLS: give its address with https://`
    throw denied('ADDRESS_REFUSED', text, { address })
  }
}

/** What IANA gave to everybody; of IPv6 that is one block. */
const everybodys = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number]

function isOutside(address: Address): boolean {
  if (address.range() !== 'unicast') return false
  return address instanceof ipaddr.IPv4 || address.match(...everybodys)
}

function wordsFor(address: Address): string {
  const range = address.range()
  return range === 'unicast'
    ? 'not on the Internet'
    : `inside (${range.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)})`
}

function refused(host: string, address: string, why: string): Failure {
  const advice = "if that is meant, the agent's owner can allow it with --import-inside"
  return denied('ADDRESS_REFUSED', `${host} is at ${address}, ${why}: ${advice}`, { address })
}
