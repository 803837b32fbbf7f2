/** The parts of `host:port`; an address of IPv6 stands in brackets. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const [, host = '', port = ''] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? []
  return { host, port: Number(port) }
}
