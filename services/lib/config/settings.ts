/** The settings that many processes share, as fields to spread into a process's own schema. */
import { hostname } from 'node:os';
import { Type } from 'typebox';
import type { FieldOptions } from './field.ts';

/** Keeps the options of Weir typed where TypeBox takes any. */
const field = <T extends FieldOptions>(options: T): T => options;

export const valkeySettings = {
  WEIR_VALKEY_URL: Type.String(
    field({
      pattern: '^(redis|rediss|valkey|valkeys)://[^\\s]+$',
      aliases: ['REDIS_URL'],
      isSecret: true,
      expects: 'an address that begins with redis:// or, for TLS, rediss://',
      example: 'redis://valkey:6379',
      description: 'Address of Valkey or Redis; may hold user, password and database.',
    }),
  ),
  WEIR_VALKEY_USERNAME: Type.Optional(
    Type.String(field({ description: 'ACL user, when it is not in the address.', example: 'price' })),
  ),
  WEIR_VALKEY_PASSWORD: Type.Optional(
    Type.String(field({ description: 'Password, when it is not in the address.', isSecret: true })),
  ),
  WEIR_VALKEY_TLS_CA_FILE: Type.Optional(
    Type.String(
      field({
        description: 'PEM file with the authority that signed the certificate of Valkey; otherwise the public ones.',
        example: '/etc/weir/valkey-ca.crt',
      }),
    ),
  ),
  WEIR_VALKEY_TLS_SERVERNAME: Type.Optional(
    Type.String(
      field({
        description: 'Name in the certificate of Valkey, when it is not the host of the address.',
        example: 'valkey.weir.svc',
      }),
    ),
  ),
};

export const postgresSettings = {
  WEIR_POSTGRES_URL: Type.String(
    field({
      pattern: '^(postgres|postgresql)://[^\\s]+$',
      aliases: ['DATABASE_URL'],
      isSecret: true,
      expects: 'an address that begins with postgres://',
      example: 'postgres://weir@postgres:5432/weir',
      description: 'Address of Postgres with user, password and database.',
    }),
  ),
};

export const telemetrySettings = {
  WEIR_LOG_LEVEL: Type.Enum(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    field({ default: 'info', description: 'Least severe log lines that are written.' }),
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String(
      field({
        pattern: '^https?://[^\\s]+$',
        expects: 'an address that begins with http:// or https://',
        example: 'http://otel-collector:4318',
        description:
          'Base address of an OTLP/HTTP collector for metrics and traces. Absent: metrics by scrape only, traces nowhere.',
      }),
    ),
  ),
  WEIR_TRACE_SAMPLE_RATIO: Type.Number(
    field({
      minimum: 0,
      maximum: 1,
      default: 0.01,
      description: 'Share of traces that are kept when no caller decided.',
    }),
  ),
};

export const httpSettings = {
  WEIR_HTTP_HOST: Type.String(
    field({ default: '0.0.0.0', description: 'Address to listen on.', example: '127.0.0.1' }),
  ),
  WEIR_HTTP_PORT: Type.Integer(
    field({ minimum: 0, maximum: 65_535, default: 8080, description: 'Port to listen on; 0 takes any free one.' }),
  ),
};

export const lifecycleSettings = {
  WEIR_STOP_DEADLINE_MS: Type.Integer(
    field({
      minimum: 0,
      maximum: 600_000,
      default: 10_000,
      description: 'Time for draining after SIGTERM; keep it below terminationGracePeriodSeconds.',
    }),
  ),
};

export const nodeName = Type.String(
  field({
    defaultFrom: hostname,
    defaultText: 'the host name',
    // As the parameter `node` of the keyspace, in whose keys it stands.
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$',
    expects: 'a pod or host name: letters, digits, dots, dashes and underscores, 253 at most',
    description: 'Name of this process among its replicas: the pod name.',
    example: 'price-7d9c5b-x2x7k',
  }),
);

export const nodeSettings = { WEIR_NODE_NAME: nodeName };

/** Every group, for docs/configuration.md. */
export const sharedSettings = {
  'Every process': { ...nodeSettings, ...telemetrySettings, ...lifecycleSettings },
  'Processes that serve HTTP': httpSettings,
  'Processes that use Valkey': valkeySettings,
  'Processes that use Postgres': postgresSettings,
};
