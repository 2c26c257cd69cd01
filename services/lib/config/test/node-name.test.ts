/** Holds WEIR_NODE_NAME against the keys that it becomes a part of. */
import { loadConfig, nodeSettings, Type } from '@weir/config';
import { isParameter } from '@weir/keyspace';
import { describe, expect, it } from 'vitest';

const admits = (name: string): boolean => {
  try {
    return loadConfig(Type.Object(nodeSettings), { WEIR_NODE_NAME: name }).WEIR_NODE_NAME === name;
  } catch {
    return false;
  }
};

describe('WEIR_NODE_NAME', () => {
  const texts = [
    'price-7d9c5b-x2x7k',
    'host.local',
    'MY_HOST',
    'a'.repeat(253),
    'a'.repeat(254),
    'a:b',
    '{a}',
    '-a',
    '.a',
  ];

  it.each(texts)('%s: is admitted if the keyspace admits it', (name) => {
    expect(admits(name)).toBe(isParameter('node', name));
  });
});
