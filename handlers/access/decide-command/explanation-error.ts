/** Nothing can be explained: nobody is called so, or something cannot be read. The message says what, and what to do. */
export class ExplanationError extends Error {
  override readonly name = 'ExplanationError';
}
