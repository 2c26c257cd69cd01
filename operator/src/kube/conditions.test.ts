import { describe, expect, it } from 'vitest';
import { setCondition } from './conditions.ts';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds, 789));
const ready = { type: 'Ready', status: 'False', reason: 'Waiting', message: 'm', observedGeneration: 1 } as const;

describe('setCondition', () => {
  it('adds a condition with the time in whole seconds', () => {
    expect(setCondition([], ready, at(5))).toEqual([{ ...ready, lastTransitionTime: '2026-01-01T00:00:05Z' }]);
  });

  it('moves the time only when the status flips', () => {
    const first = setCondition([], ready, at(0));
    const told = setCondition(first, { ...ready, reason: 'StillWaiting', observedGeneration: 2 }, at(1));
    expect(told[0]).toMatchObject({ reason: 'StillWaiting', observedGeneration: 2 });
    expect(told[0]?.lastTransitionTime).toBe(first[0]?.lastTransitionTime);
    const flipped = setCondition(told, { ...ready, status: 'True' }, at(2));
    expect(flipped[0]?.lastTransitionTime).toBe('2026-01-01T00:00:02Z');
  });

  it('answers the very same list when nothing is new, so that nothing is written', () => {
    const list = setCondition([], ready, at(0));
    expect(setCondition(list, { ...ready }, at(9))).toBe(list);
  });

  it('keeps the others and their order, and changes no list it is given', () => {
    const other = { ...ready, type: 'Other', lastTransitionTime: '2025-01-01T00:00:00Z' };
    const list = Object.freeze([other, ...setCondition([], ready, at(0))]);
    const after = setCondition(list, { ...ready, status: 'True' }, at(1));
    expect(after.map(({ type, status }) => `${type} ${status}`)).toEqual(['Other False', 'Ready True']);
    expect(after[0]).toBe(other);
  });
});
