/** The name by which a process holds leases: unique among all processes and starts. */

/** 62 bits of chance in the letters that the scripts' field names take. */
export function randomName(random: () => number): string {
  const part = (): string =>
    Math.floor(random() * 36 ** 6)
      .toString(36)
      .padStart(6, '0');
  return part() + part();
}
