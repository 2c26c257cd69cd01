/**
 * Membership of the cluster: every process says every 3 s that it lives and what it counts, and learns how many decide.
 *
 * Guarantees: what changed is told within 100 ms of being asked for, however often it is asked; while Valkey is away the
 * last known number of deciders stays in force, and it is never below 1; a process that stops takes itself off the list,
 * one that dies is not counted after 10 s. Does not: elect anybody, or read what the others count.
 *
 * One reporter per process, by whoever puts the process together: its statistics lie under the node's name alone, so a
 * second reporter under the same name would overwrite the first one's. Several roles in one process report as one.
 */
export { reportStats, type ClusterRole, type StatsReporter, type StatsReporterOptions } from './report-stats.ts';
