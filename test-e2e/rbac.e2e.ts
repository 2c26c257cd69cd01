/** What the processes may do to the API server: nothing more than `harness/rights.ts` says. A new right is a change of it. */
import { expect, it } from 'vitest';
import { namespace, release } from './harness/cluster.ts';
import { kubectl } from './harness/kubectl.ts';
import { LEASE_RIGHTS, OPERATOR_RIGHTS, rightsOf } from './harness/rights.ts';

it('the operator may do in its own namespace what its work takes', async () => {
  expect(await rightsOf({ name: `${release}-operator` }, namespace)).toEqual(
    [...OPERATOR_RIGHTS, ...LEASE_RIGHTS].toSorted(),
  );
});

it('the operator may do the same elsewhere, but for its Lease', async () => {
  expect(await rightsOf({ name: `${release}-operator` }, 'default')).toEqual(OPERATOR_RIGHTS.toSorted());
});

it.each([`${release}-price`, `${release}-valkey`, 'majors-feed', 'default'])('%s may do nothing', async (account) => {
  expect(await rightsOf({ name: account }, namespace)).toEqual([]);
});

it('nothing but the operator is given a token', async () => {
  const mounts =
    'jsonpath={range .items[*]}{.metadata.name} {.spec.volumes[*].projected.sources[*].serviceAccountToken.path}{"\\n"}{end}';
  const rows = (await kubectl('get', 'pods', '--output', mounts)).trim().split('\n');
  const withToken = rows.filter((row) => row.trim().endsWith(' token')).map((row) => row.split(' ')[0] ?? '');
  expect(withToken.length).toBeGreaterThan(0);
  expect(withToken.filter((name) => !name.startsWith(`${release}-operator-`))).toEqual([]);
});
