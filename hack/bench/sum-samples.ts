/** Adds up samples of a page in the text format of Prometheus. */

/** Behind the name and its labels, which may hold blanks; a time may follow. */
const VALUE = /^(?:[^{ ]+\{.*\}|[^{ ]+) (\S+)/;

/** Of one metric, over every sample whose labels hold the given ones; 0 when there is none. */
export function sumSamples(page: string, metric: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([name, value]) => `${name}="${value}"`);
  return page
    .split('\n')
    .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `))
    .filter((line) => wanted.every((label) => new RegExp(`[{,]${label}[,}]`).test(line)))
    .reduce((sum, line) => sum + Number(VALUE.exec(line)?.[1]), 0);
}
