/**
 * Whose sessions are cut, by permission set: what our statement in its inline policy is written from. The policy itself can only be replaced
 * as a whole and without a condition, so this is where two functions agree.
 */
export interface CutSessions {
  readonly permissionSet: string;
  /** Counts the writes, from 1. */
  readonly version: number;
  /** By id of the user at Identity Center: when its last session would have ended by itself, ISO 8601. */
  readonly users: Readonly<Record<string, string>>;
  /** Set while the permission set may not be provisioned as this says. */
  readonly pending?: true | undefined;
}

export interface SessionLedger {
  /** Consistent. */
  read(permissionSet: string): Promise<CutSessions | undefined>;
  /** Replaces the entry if its version is the one before. @returns false when another write came first: read it again */
  write(next: CutSessions): Promise<boolean>;
}

export const sessionsPk = (target: string, permissionSet: string): string => `${target}#sessions#${permissionSet}`;
