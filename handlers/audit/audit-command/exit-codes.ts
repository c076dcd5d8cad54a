/** How the command ends, and the errors that end it. */
export const exitCodes = {
  /** Answered; of `verify`: intact. */
  done: 0,
  /** It could not be answered; of `verify`: not intact. */
  refused: 1,
  usage: 2,
  /** Nothing in the trail is called so. */
  unknown: 3,
  /** More than one is called so. */
  ambiguous: 4,
  /** Answered, and the answer is no: the grant is not held or violates a policy; a hop of a change is missing. */
  notSo: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The command cannot do what it was asked for; the message says why, and what to do. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Wrong usage: the message says what, and what to give instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
