/** An error as AWS answers it: a code a client can branch on, an HTTP status, and the extra members of the modelled exception. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields?: Record<string, unknown>;

  constructor(code: string, message: string, status = 400, fields?: Record<string, unknown>) {
    super(message);
    this.name = code;
    this.code = code;
    this.status = status;
    if (fields) this.fields = fields;
  }
}

/** What the sandbox does not know it refuses loudly: an imitation that guesses would prove nothing. */
export const notImplemented = (service: string, operation: string, remedy = 'add it to sandbox/aws/services'): AwsError =>
  new AwsError('NotImplemented', `the sandbox does not implement ${service}:${operation}; ${remedy}`, 501);
