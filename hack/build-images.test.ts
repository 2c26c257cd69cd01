import { describe, expect, it } from 'vitest';
import { findEngine, isShipped, megabytes } from './build-images.ts';

describe('what goes into the image', () => {
  it('is every process, and nothing that needs embedded servers', () => {
    const programs = ['exchanges', 'feed', 'operator', 'postgres-guardian', 'price', 'standalone', 'valkey-guardian'];
    expect(programs.filter(isShipped)).toEqual(['exchanges', 'feed', 'operator', 'price']);
  });
});

describe('megabytes', () => {
  it.each([
    ['141000000', 141],
    ['118 MB', 118],
    ['1.2 GB', 1_200],
    ['900 kB', 0.9],
    ['1MiB', 1.048576],
  ])('reads %s as engines print it', (text, expected) => {
    expect(megabytes(text)).toBeCloseTo(expected);
  });

  it('refuses what is no size, rather than calling it small', () => {
    expect(() => megabytes('')).toThrow('no size');
    expect(() => megabytes('12 TB')).toThrow('no size');
  });
});

describe('findEngine', () => {
  it('takes the first that answers', () => {
    expect(findEngine(undefined, (engine) => engine !== 'docker')).toBe('podman');
  });

  it('takes the chosen one and no other', () => {
    expect(findEngine('buildah', () => true)).toBe('buildah');
    expect(() => findEngine('podman', (engine) => engine === 'docker')).toThrow('no container engine answers: podman');
    expect(() => findEngine('rocket', () => true)).toThrow('"rocket" is none of');
  });
});
