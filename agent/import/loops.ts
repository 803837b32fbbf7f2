// What an agent that imports needs, and no other loads: it takes some 50 MB.
export { guardOf } from './guard.ts'
export { keepImporting } from './importer.ts'
export { openOrigin } from './open.ts'
export { keepScanning } from './scanner.ts'
