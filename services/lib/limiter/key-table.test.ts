import { describe, expect, it } from 'vitest';
import type { DecideRequest } from './decision.ts';
import { createKeyState, type KeyState } from './key-state.ts';
import { createKeyTable } from './key-table.ts';

const stateOf = (keyId: string): KeyState => {
  const bucket = { ratePerSecond: 1, burst: 1 };
  const request: DecideRequest = { keyId, bucket, cost: 1, onValkeyFailure: 'Allow', dryRun: false };
  return createKeyState(request, 0);
};

describe('key table', () => {
  it('never forgets the keys used last, and never holds more than twice as many', () => {
    const keys = createKeyTable(100);
    const loyal = stateOf('loyal');
    keys.add(loyal);
    for (let i = 0; i < 10_000; i += 1) {
      keys.add(stateOf(`key-${i}`));
      expect(keys.size).toBeLessThanOrEqual(200);
      if (i % 50 === 0) expect(keys.get('loyal')).toBe(loyal);
    }
    for (let i = 9_999; i > 9_900; i -= 1) expect(keys.get(`key-${i}`)).toBeDefined();
    expect(keys.get('key-0')).toBeUndefined();
  });

  it('lists every key once', () => {
    const keys = createKeyTable(2);
    for (const name of ['a', 'b', 'c']) keys.add(stateOf(name));
    expect(keys.get('a')?.keyId).toBe('a');
    expect([...keys.states()].map(({ keyId }) => keyId).toSorted()).toEqual(['a', 'b', 'c']);
  });
});
