/**
 * Application parameters: settings of the whole installation that change while processes run, in the hash `app:config`.
 *
 * Guarantees: a change is known within moments of its announcement on `config:updates`, without one within 10 s; no value
 * can make a process fail: an unreadable one counts as its default, with one warning that says how to mend it. Does not:
 * write the hash, or hold what belongs to one feed or policy (their resources do).
 */
export { followParameters, type FollowParametersOptions, type Parameters } from './parameters.ts';
export {
  ADAPTIVE_MAX_CONCURRENT_DEFAULT,
  createParameterReader,
  type ParameterReader,
  type PrewarmAssets,
} from './read-parameters.ts';
