/** A question that has no answer: the message says why, and what to ask instead. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  /** `unknown`: nothing in the trail is called so; `ambiguous`: more than one is; `unreadable`: the source holds something else. */
  readonly kind: 'unknown' | 'ambiguous' | 'unreadable';

  constructor(kind: AnswerError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
