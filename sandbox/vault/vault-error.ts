/** An error as Vault answers it: a status and the texts of its `errors`. */
export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What the API calls a bad request (`logical.ErrorResponse`). */
export const badRequest = (message: string): VaultError => new VaultError(400, message);

export const permissionDenied = (): VaultError => new VaultError(403, 'permission denied');
