import { expect, it } from 'vitest';
import { parseKindOptions } from './options.ts';

it('takes the cluster weir, and the ports that a cluster has, when nothing is asked', () => {
  expect(parseKindOptions([])).toEqual({ cluster: 'weir', ports: {} });
});

it('takes a name and ports', () => {
  expect(parseKindOptions(['--name', 'b', '--http-port', '81', '--udp-port', '82'])).toEqual({
    cluster: 'b',
    ports: { http: 81, udp: 82 },
  });
});

it.each([
  ['--http-port', '0'],
  ['--udp-port', '65536'],
  ['--http-port', 'web'],
  ['--name', 'Weir'],
  ['--name', 'a b'],
])('refuses %s %s, with how to write it', (flag, value) => {
  expect(() => parseKindOptions([flag, value])).toThrow(
    expect.objectContaining({ fix: expect.stringContaining(flag) }),
  );
});

it('says where options go to whoever forgets the lone --', () => {
  expect(() => parseKindOptions(['8081'])).toThrow(
    expect.objectContaining({ fix: 'Options follow a lone --: npm run kind:up -- --http-port 8081' }),
  );
});
