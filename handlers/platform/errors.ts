/** Errors that more than one domain throws. Messages name the value and the remedy, never a secret. */

/** An event or message this function cannot read. It is not retried into success: it ends in the dead-letter queue. */
export class InvalidEventError extends Error {
  override readonly name = 'InvalidEventError';
}

/** A function's environment or configuration is wrong: the deployment has to change, a retry cannot help. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Something this function needs is in use or out of reach for the moment: try again. */
export class RetryableError extends Error {
  override readonly name = 'RetryableError';
}
