/**
 * What is wrong with resources only together. A cluster settles it by age and says so in conditions; files have no
 * age, so here it is a fault of the later one.
 */
import { formatPlace, type LocatedResource, type Place, type ResourceFault } from '@weir/crds';
import { formatPair } from '@weir/wire';

interface Claim {
  /** Equal texts are in conflict. */
  readonly claimed: string;
  readonly place: Place;
  readonly problem: string;
  readonly fix: string;
}

export function findConflicts(resources: readonly LocatedResource[]): readonly ResourceFault[] {
  const owners = new Map<string, LocatedResource>();
  const faults: ResourceFault[] = [];
  for (const located of resources) {
    for (const { claimed, place, problem, fix } of claimsOf(located)) {
      const owner = owners.get(claimed);
      if (owner === undefined) owners.set(claimed, located);
      else {
        const at = `${owner.file}:${owner.line}`;
        faults.push(faultAt(located, place, { problem: `${problem} ${nameOf(owner)} (${at})`, fix }));
      }
    }
  }
  return [...faults, ...danglingRefs(resources)];
}

function faultAt(
  { file, lineAt }: LocatedResource,
  place: Place,
  said: { problem: string; fix: string },
): ResourceFault {
  return { file, line: lineAt(place), path: formatPlace(place), ...said };
}

function nameOf({ resource }: LocatedResource): string {
  return `${resource.metadata.namespace}/${resource.metadata.name}`;
}

function claimsOf(located: LocatedResource): readonly Claim[] {
  const { resource } = located;
  const { kind, metadata } = resource;
  const name: Claim = {
    claimed: `${kind} ${nameOf(located)}`,
    place: ['metadata', 'name'],
    problem: `is the name of another ${kind} already,`,
    fix: 'rename one of them',
  };
  if (kind === 'PriceFeed') {
    const { assets, quote } = resource.spec;
    const pairs = assets.map((asset, index) => ({
      claimed: `pair ${formatPair({ asset, quote })}`,
      place: ['spec', 'assets', index],
      problem: `is ${asset} in ${quote}, which is priced already by`,
      fix: 'leave it out of one of the two',
    }));
    return [name, ...pairs];
  }
  const { tier, keys } = resource.spec;
  const secrets = keys.map(({ secretRef }, index) => ({
    claimed: `secret ${metadata.namespace}/${secretRef.name}`,
    place: ['spec', 'keys', index, 'secretRef', 'name'],
    problem: `is "${secretRef.name}", which holds a key already of`,
    fix: 'give every key a Secret of its own',
  }));
  if (tier === undefined) return [name, ...secrets];
  const binding = {
    claimed: `tier ${tier}`,
    place: ['spec', 'tier'],
    problem: `is "${tier}", which is bound already by`,
    fix: 'give one of them another tier',
  };
  return [name, binding, ...secrets];
}

function danglingRefs(resources: readonly LocatedResource[]): ResourceFault[] {
  const feeds = new Set(resources.filter(({ resource }) => resource.kind === 'PriceFeed').map(nameOf));
  return resources.flatMap((located) => {
    const { resource } = located;
    if (resource.kind !== 'ApiKeyPolicy') return [];
    const { namespace } = resource.metadata;
    return (resource.spec.feedRefs ?? []).flatMap(({ name }, index) => {
      if (feeds.has(`${namespace}/${name}`)) return [];
      const problem = `is "${name}", and there is no PriceFeed of that name in namespace ${namespace}`;
      const fix = 'correct the name or add the PriceFeed';
      return [faultAt(located, ['spec', 'feedRefs', index, 'name'], { problem, fix })];
    });
  });
}
