/** The path that tools are looked for in: a service's own may well lack where administrators' tools are. */
export const toolPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
