/** Why a request is not served, in a class of its own: the hot path tells it from a value without an object around either. */
import type { ProblemSource } from '@weir/http';

export class Refusal {
  readonly problem: ProblemSource;

  constructor(problem: ProblemSource) {
    this.problem = problem;
  }
}
