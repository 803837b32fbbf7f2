import { expect, test } from '@jest/globals'
import { Metadata } from '@grpc/grpc-js'
import { callerHeader, identifyInsecurely } from '../../../lib/rpc/caller.ts'

function said(text?: string): Metadata {
  const metadata = new Metadata()
  if (text !== undefined) metadata.set(callerHeader, text)
  return metadata
}

test.each([
  [undefined, { name: 'admin', role: { kind: 'admin' } }],
  ['admin', { name: 'admin', role: { kind: 'admin' } }],
  ['producer:alice', { name: 'producer:alice', role: { kind: 'producer' } }],
  ['experimenter', { name: 'experimenter', role: { kind: 'experimenter' } }],
  ['manager:lab1', { name: 'manager:lab1', role: { kind: 'manager', facility: 'lab1' } }],
  ['agent:lab1', { name: 'agent:lab1', role: { kind: 'agent', facility: 'lab1' } }],
])('who says %s is %j', (text, caller) => {
  expect(identifyInsecurely(said(text))).toEqual(caller)
})

test.each(['', 'root', 'manager', 'agent', 'agent:', 'agent:LAB', 'admin:', 'Admin', 'agent:a b'])(
  'who says "%s" is nobody',
  (text) => {
    expect(() => identifyInsecurely(said(text))).toThrow(
      expect.objectContaining({ kind: 'unidentified', reason: 'NOT_IDENTIFIED' }),
    )
  },
)
