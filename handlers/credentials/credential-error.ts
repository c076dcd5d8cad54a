/** A rotation cannot go on: what is wrong with the account, the directory or the store, and what a person can do. Never a password. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
  readonly remedy: string;

  constructor(reason: string, remedy: string, options?: ErrorOptions) {
    super(`${reason}: ${remedy}`, options);
    this.reason = reason;
    this.remedy = remedy;
  }

  readonly reason: string;
}
