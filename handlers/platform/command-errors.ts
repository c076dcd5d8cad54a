/** What ends a command that a person runs, and what they are told of it. */

/** Wrong usage: the message says what, and what to give instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command cannot do what it was asked for; the message says why, and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

export const settingsRemedy = 'look at the credentials, region and endpoint (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …)';

/** For standard error: of an error that nobody foresaw its kind tells more than its text alone, and the settings are the likeliest cause. */
export function errorText(error: unknown, usage: string): string {
  if (error instanceof UsageError) return `${error.message}\n\n${usage}`;
  if (error instanceof CommandError) return `${error.message}\n`;
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return `${name}: ${message}: ${settingsRemedy}\n`;
}
