/** Splits the name of an image as a chart's values have it. Pure. */
import { KindFault } from './kind-fault.ts';

export interface ImageReference {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/** `valkey/valkey:8.1` is docker.io's; a first part with a dot or a port, or `localhost`, is a registry. */
export function parseImage(variable: string, image: string): ImageReference {
  const match = /^(?:(localhost|[^/]*[.:][^/]*)\/)?([^:@]+):([\w][\w.-]*)$/.exec(image);
  const [, registry = 'docker.io', repository, tag] = match ?? [];
  if (repository === undefined || tag === undefined)
    throw new KindFault(
      `${variable} is "${image}", which is no image with a tag`,
      `Write it like ${variable}=valkey/valkey:8.1`,
    );
  return { registry, repository, tag };
}
