import { startProxy, startTestValkey, waitFor, type Proxy, type TestValkey } from '@weir/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import type { Subscription, Valkey } from '../index.ts';
import { connectTo } from './connect.ts';

let server: TestValkey;
let proxy: Proxy;
let valkey: Valkey;

beforeAll(async () => {
  server = await startTestValkey();
});

afterAll(() => server.stop());

beforeEach(async () => {
  proxy = await startProxy(server);
  valkey = connectTo(proxy);
  await valkey.ready();
});

afterEach(async () => {
  await valkey.close();
  await proxy.stop();
});

/** What a subscription has been told, in order. */
function listen(...channels: string[]): { heard: string[]; subscription: Subscription } {
  const heard: string[] = [];
  const subscription = valkey.subscribe(channels, {
    message: (channel, text) => heard.push(`${channel}: ${text}`),
    up: () => heard.push('up'),
    down: () => heard.push('down'),
  });
  return { heard, subscription };
}

const publish = (channel: string, text: string): Promise<unknown> => valkey.bulk.call('PUBLISH', channel, text);

test('after a loss it subscribes again, and tells every listener down, then up', async () => {
  const one = listen('a', 'b');
  const two = listen('b');
  await waitFor(() => one.heard.length === 1 && two.heard.length === 1);
  await publish('a', '1');
  await publish('b', '2');
  await waitFor(() => one.heard.length === 3 && two.heard.length === 2);

  proxy.cut();
  await waitFor(() => one.heard.includes('down') && one.heard.at(-1) === 'up' && two.heard.at(-1) === 'up');
  await waitFor(() => valkey.bulk.health === 'closed');
  await publish('b', '3');
  await waitFor(() => two.heard.at(-1) === 'b: 3');
  expect(one.heard).toEqual(['up', 'a: 1', 'b: 2', 'down', 'up', 'b: 3']);
  expect(two.heard).toEqual(['up', 'b: 2', 'down', 'up', 'b: 3']);
});

test('a listener that comes while there is no connection is served with the next one', async () => {
  proxy.refuse(true);
  proxy.cut();
  await waitFor(() => valkey.decide.health === 'open');
  const { heard } = listen('a');
  proxy.refuse(false);
  await waitFor(() => heard.at(-1) === 'up');
  expect(heard).toEqual(['up']);
});

test('a closed subscription hears nothing more, and leaves the channel to the others', async () => {
  const one = listen('a', 'c');
  const two = listen('a');
  await waitFor(() => one.heard.length === 1 && two.heard.length === 1);
  await one.subscription.close();
  await one.subscription.close();
  await publish('a', 'x');
  await waitFor(() => two.heard.at(-1) === 'a: x');
  expect(one.heard).toEqual(['up']);
  expect(await valkey.bulk.call('PUBSUB', 'NUMSUB', 'a', 'c')).toEqual(['a', 1, 'c', 0]);
  await two.subscription.close();
  await waitFor(async () => String(await valkey.bulk.call('PUBSUB', 'NUMSUB', 'a')) === 'a,0');
});

test('a listener that throws keeps nothing from the others', async () => {
  valkey.subscribe(['a'], {
    message() {
      throw new Error('message');
    },
    up() {
      throw new Error('up');
    },
  });
  const { heard } = listen('a');
  await waitFor(() => heard.length === 1);
  await publish('a', 'x');
  await waitFor(() => heard.length === 2);
  expect(heard).toEqual(['up', 'a: x']);
});

test('a network that forgets the connection is noticed without a message', async () => {
  const { heard } = listen('a');
  await waitFor(() => heard.length === 1);
  proxy.silence();
  await waitFor(() => heard.at(-1) === 'up' && heard.includes('down'), 20_000);
  expect(heard).toEqual(['up', 'down', 'up']);
});
