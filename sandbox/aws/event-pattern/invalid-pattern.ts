/** EventBridge would reject the pattern with InvalidEventPatternException; the message says where and what to write instead. */
export class InvalidEventPatternError extends Error {
  override readonly name = 'InvalidEventPatternError';
}

export function invalid(message: string): never {
  throw new InvalidEventPatternError(message);
}
