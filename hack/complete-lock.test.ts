import { expect, test } from 'vitest';
import { completeLock, platformOf } from './complete-lock.ts';

test('adds an optional package of another platform that the registry did not know', () => {
  const known = { version: '1.2.3', integrity: 'sha512-x', cpu: ['x64'], optional: true };
  const tool = {
    version: '1.2.3',
    dev: true,
    optionalDependencies: {
      '@t/binding-linux-x64-gnu': '1.2.3',
      '@t/binding-darwin-arm64': '1.2.3',
      fsevents: '^2.3.0',
    },
  };
  const lock = {
    lockfileVersion: 3,
    packages: { 'node_modules/t': tool, 'node_modules/@t/binding-linux-x64-gnu': known },
  };
  expect(completeLock(lock).packages).toEqual({
    ...lock.packages,
    'node_modules/@t/binding-darwin-arm64': {
      version: '1.2.3',
      os: ['darwin'],
      cpu: ['arm64'],
      dev: true,
      optional: true,
    },
  });
});

test('puts a version nearer where another one is in the way, and adds nothing twice', () => {
  const wants = (version: string) => ({ version, optionalDependencies: { '@t/darwin-arm64': version } });
  const lock = { packages: { 'node_modules/t': wants('2.0.0'), 'node_modules/v/node_modules/t': wants('1.0.0') } };
  const complete = completeLock(lock);
  expect(Object.entries(complete.packages).map(([place, { version }]) => `${place} ${version}`)).toEqual([
    'node_modules/@t/darwin-arm64 2.0.0',
    'node_modules/t 2.0.0',
    'node_modules/v/node_modules/@t/darwin-arm64 1.0.0',
    'node_modules/v/node_modules/t 1.0.0',
  ]);
  expect(completeLock(complete)).toEqual(complete);
});

test('reads platforms from names', () => {
  expect(platformOf('@rolldown/binding-linux-arm64-musl')).toEqual({ os: ['linux'], cpu: ['arm64'], libc: ['musl'] });
  expect(platformOf('@oxlint/binding-win32-x64-msvc')).toEqual({ os: ['win32'], cpu: ['x64'] });
  expect(platformOf('@rolldown/binding-wasm32-wasi')).toEqual({ cpu: ['wasm32'] });
  expect(platformOf('fsevents')).toBeUndefined();
});
