/** AWS would refuse the document (MalformedPolicyDocument), or it cannot mean what it says; the message names the place and the remedy. */
export class MalformedPolicyError extends Error {
  override readonly name = 'MalformedPolicyError';
}

/**
 * The document uses an element, principal type or condition operator this evaluator does not know. Guessing would allow or deny
 * silently, so it refuses the whole document.
 */
export class UnknownPolicyElementError extends Error {
  override readonly name = 'UnknownPolicyElementError';
  readonly element: string;

  constructor(element: string, kind: string, where: string, known: readonly string[]) {
    super(`unknown ${kind} "${element}" in ${where}: known are ${known.join(', ')}`);
    this.element = element;
  }
}

export function malformed(message: string): never {
  throw new MalformedPolicyError(message);
}
