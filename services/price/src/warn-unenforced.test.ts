import { expect, test } from 'vitest';
import { policyDocument } from '../test/samples.ts';
import { readPolicy } from './read-documents.ts';
import { createUnenforcedWarner } from './warn-unenforced.ts';

const read = (changes: Parameters<typeof policyDocument>[0]) => {
  const policy = readPolicy(JSON.stringify(policyDocument(changes)));
  if (policy === undefined) throw new Error('a policy that cannot be read');
  return policy;
};

test('names every declared limit that is not enforced, once for a change of the policy', () => {
  const lines: unknown[] = [];
  const warn = createUnenforcedWarner({ warn: (fields: unknown) => void lines.push(fields) });
  const plain = read({});
  const rich = read({
    policy: 'weir/rich',
    limits: { requestsPerMinute: 1, requestsPerMonth: 1, reportsPerMonth: 1, minimumWaitMs: 1, concurrency: 1 },
    budget: { dailyMicro: 1, monthlyMicro: 1 },
  });
  const monthly = read({ policy: 'weir/monthly', limits: { requestsPerMonth: 1 } });
  const documents = new Map([plain, rich, monthly].map((policy) => [policy.policy, policy]));
  warn(documents);
  warn(new Map(documents));
  expect(lines).toEqual([
    {
      policies: {
        'weir/rich': [
          'limits.requestsPerMinute',
          'limits.requestsPerMonth',
          'limits.reportsPerMonth',
          'limits.minimumWait',
          'budget.daily',
          'budget.monthly',
        ],
        'weir/monthly': ['limits.requestsPerMonth'],
      },
    },
  ]);
  // Concurrency is enforced for streams.
  warn(new Map([['weir/rich', read({ policy: 'weir/rich', limits: { concurrency: 2, requestsPerMinute: 2 } })]]));
  expect(lines.slice(1)).toEqual([{ policies: { 'weir/rich': ['limits.requestsPerMinute'] } }]);
});
