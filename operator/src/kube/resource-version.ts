/** Order of resource versions: whole decimal numbers of any length. */
export function isOlderVersion(version: string, than: string): boolean {
  if (!NUMBER.test(version) || !NUMBER.test(than)) return version !== than;
  return version.length === than.length ? version < than : version.length < than.length;
}

const NUMBER = /^[1-9][0-9]*$/;
