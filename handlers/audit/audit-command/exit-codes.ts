/** How the command ends. */
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
