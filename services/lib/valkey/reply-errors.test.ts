import { expect, test } from 'vitest';

import { classifyError, isNoScript } from './reply-errors.ts';

/** As ioredis makes them. */
function replyError(message: string): Error {
  const err = new Error(message);
  Object.defineProperty(err, 'name', { value: 'ReplyError' });
  return Object.assign(err, { command: { name: 'auth', args: ['hunter2'] } });
}

test.each([
  ['LOADING Redis is loading the dataset in memory', 'not-serving', 'VALKEY_UNAVAILABLE'],
  ['BUSY Valkey is busy running a script', 'not-serving', 'VALKEY_UNAVAILABLE'],
  ["READONLY You can't write against a read only replica.", 'not-serving', 'VALKEY_UNAVAILABLE'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'unavailable', 'VALKEY_UNAVAILABLE'],
  ['NOSCRIPT No matching script.', 'no-script', 'VALKEY_REFUSED'],
  ['WRONGTYPE Operation against a key', 'refused', 'VALKEY_REFUSED'],
  ['BUSYGROUP Consumer Group name already exists', 'refused', 'VALKEY_REFUSED'],
  ['lower case', 'refused', 'VALKEY_REFUSED'],
])('%s', (message, kind, code) => {
  expect(classifyError(replyError(message))).toMatchObject({ kind, error: { code } });
});

test('what is no reply of the server comes from the connection', () => {
  expect(classifyError(new Error('Connection is closed.'))).toMatchObject({ kind: 'unavailable' });
  expect(classifyError('text')).toMatchObject({ kind: 'unavailable', error: { code: 'VALKEY_UNAVAILABLE' } });
});

test('neither the words of the server nor the command are in what a caller may show', () => {
  const { error } = classifyError(replyError('WRONGTYPE secret words'));
  expect(error.detail).toBe('Valkey refused a command (WRONGTYPE)');
  expect(JSON.stringify(Object.entries(error.cause as Error))).not.toContain('hunter2');
});

test('a script that is not known can be told from every other refusal', () => {
  expect(isNoScript(classifyError(replyError('NOSCRIPT No matching script.')).error)).toBe(true);
  expect(isNoScript(classifyError(replyError('ERR NOSCRIPT')).error)).toBe(false);
  expect(isNoScript(new Error('NOSCRIPT'))).toBe(false);
});
