import { describe, expect, it } from 'vitest';
import { HELP, parseOptions } from './options.ts';

const parse = (...argv: string[]) => parseOptions(argv, '/weir/crds/examples');

describe('the command line', () => {
  it('needs nothing', () => {
    expect(parse()).toMatchObject({
      venues: 'simulated',
      resources: '/weir/crds/examples',
      host: '127.0.0.1',
      httpPort: 8080,
      udpPort: 0,
      valkeyPort: 0,
      postgresPort: 0,
      seed: 1,
      logLevel: 'warn',
    });
  });

  it('takes every option that the help names', () => {
    const named = [...HELP.matchAll(/^ {2}--([\w-]+) (<|simulated)/gm)].map((match) => match[1]);
    const values: Record<string, string> = { venues: 'live', 'log-level': 'info', host: '::1' };
    const argv = named.flatMap((name = '', index) => [`--${name}`, values[name] ?? String(1_230 + index)]);
    expect(parse(...argv)).toMatchObject({
      venues: 'live',
      httpPort: 1233,
      udpPort: 1234,
      valkeyPort: 1236,
      postgresPort: 1237,
      seed: 1238,
      logLevel: 'info',
      host: '::1',
    });
    expect(named).toHaveLength(10);
  });

  it('takes an address of this machine by its number, and localhost', () => {
    expect(parse('--host', 'localhost')).toMatchObject({ host: '127.0.0.1' });
    expect(() => parse('--host', 'foo.invalid')).toThrow(/--host is "foo\.invalid".*127\.0\.0\.1/);
  });

  it('refuses one port for two servers, but UDP and any free one', () => {
    expect(() => parse('--http-port', '9000', '--valkey-port', '9000', '--postgres-port', '9000')).toThrow(
      /--valkey-port is 9000, which --http-port has already\n--postgres-port is 9000, which --http-port has already/,
    );
    expect(parse('--http-port', '9000', '--udp-port', '9000')).toMatchObject({ httpPort: 9_000, udpPort: 9_000 });
    expect(parse('--http-port', '0')).toMatchObject({ httpPort: 0, valkeyPort: 0 });
  });

  it('asks for the help', () => {
    expect(parse('--venues', 'nonsense', '--help')).toBeUndefined();
    expect(parse('-h')).toBeUndefined();
  });

  it('names every fault at once', () => {
    expect(() => parse('--http-port', '70000', '--venues', 'nowhere', '--log-level', 'loud', '--seed', 'x')).toThrow(
      /--venues is "nowhere".*\n--seed is "x".*\n--log-level is "loud".*\n--http-port is "70000", and must be 0 to 65535\n.*--help/,
    );
  });

  it('names an unknown option, one without its value and a stray word beside the other faults', () => {
    const argv = ['--prot', '9090', '--data', '--venues', 'nowhere', '--seed=x', 'stray', '--host'];
    expect(() => parse(...argv)).toThrow(
      new RegExp(
        [
          '^--data needs a value',
          '--host needs a value',
          "Unknown option '--prot'",
          "Unexpected argument 'stray'",
          'Options follow a lone --: .*',
          '--venues is "nowhere".*',
          '--seed is "x".*',
          'npm start -- --help',
        ].join('\n'),
      ),
    );
  });

  it.each([['--port'], ['--http-port'], ['--help=no'], ['-p'], ['stray']])(
    'refuses %s and points to the help',
    (argument) => {
      expect(() => parse(argument)).toThrow(/--help shows all options/);
    },
  );
});
