import { expect, it } from 'vitest';
import { parseImage } from './image-reference.ts';

it.each([
  ['valkey/valkey:8.1', { registry: 'docker.io', repository: 'valkey/valkey', tag: '8.1' }],
  ['postgres:17', { registry: 'docker.io', repository: 'postgres', tag: '17' }],
  ['localhost/weir:a-1', { registry: 'localhost', repository: 'weir', tag: 'a-1' }],
  ['mirror.example:5000/a/b:c', { registry: 'mirror.example:5000', repository: 'a/b', tag: 'c' }],
])('splits %s', (image, parts) => {
  expect(parseImage('X_IMAGE', image)).toEqual(parts);
});

it.each(['postgres', 'a@sha256:b', ''])('refuses "%s" with the variable and how to write it', (image) => {
  expect(() => parseImage('X_IMAGE', image)).toThrow(`X_IMAGE is "${image}", which is no image with a tag`);
});
