/** What keeps kind:up from its work and what a person does about it. */
export class KindFault extends Error {
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(problem);
    this.name = 'KindFault';
    this.fix = fix;
  }
}
