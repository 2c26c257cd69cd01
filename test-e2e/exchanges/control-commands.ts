/** What can be done to a simulated venue by name, with its fields checked: the control interface in JSON. */
import type { ExchangeControl } from './exchange-control.ts';
import type { SystemState } from './market.ts';
import { isFaultName } from './venue-faults.ts';

type Fields = Readonly<Record<string, unknown>>;
type Command = (control: ExchangeControl, fields: Fields) => void;

const BURST_MAX = 100_000;
const ANNOUNCED_MS_MAX = 86_400_000;
const TEXT_LENGTH_MAX = 64;
const SYSTEM_STATES: readonly unknown[] = ['online', 'maintenance', 'cancel_only', 'post_only'] satisfies SystemState[];

const COMMANDS: Readonly<Record<string, Command>> = {
  cut: (control, fields) => control.cut({ isRefusing: flag(fields, 'isRefusing') }),
  restore: (control) => control.restore(),
  silence: (control, fields) => control.silence(flag(fields, 'isSilent')),
  heal: (control) => control.heal(),
  burst: (control, fields) => control.burst(whole(fields, 'count', BURST_MAX)),
  price: (control, fields) => control.setPrice(text(fields, 'pair'), text(fields, 'price')),
  release: (control, fields) => control.release(text(fields, 'pair')),
  refuse: (control, fields) => control.refuse(text(fields, 'symbol')),
  accept: (control, fields) => control.accept(text(fields, 'symbol')),
  maintenance: (control, fields) => control.maintenance({ system: systemState(fields) }),
  announce: (control, fields) =>
    control.announceMaintenance(whole(fields, 'startsInMs', ANNOUNCED_MS_MAX), { isCut: flag(fields, 'isCut') }),
};

/** False when nothing has this name. Throws RangeError for fields that it cannot take. */
export function runCommand(control: ExchangeControl, name: string, fields: Fields): boolean {
  if (isFaultName(name)) {
    control.fault({ [name]: fields['value'] ?? undefined });
    return true;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  command?.(control, fields);
  return command !== undefined;
}

export function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && value !== '' && value.length <= TEXT_LENGTH_MAX) return value;
  throw new RangeError(`${name} must be a text of at most ${TEXT_LENGTH_MAX} characters`);
}

function flag(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new RangeError(`${name} must be true or false`);
}

function whole(fields: Fields, name: string, max: number): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw new RangeError(`${name} must be a whole number from 0 to ${max}`);
}

function systemState({ system }: Fields): SystemState {
  if (!SYSTEM_STATES.includes(system)) throw new RangeError(`system must be one of ${SYSTEM_STATES.join(', ')}`);
  // One of the four, just looked up.
  return system as SystemState;
}
