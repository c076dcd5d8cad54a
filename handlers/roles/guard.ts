/**
 * The guard of a target (invariant 6): what may be taken away in one run and in a rolling time, by count and by share, before a person has
 * to say that it is meant. The port; `guard-limits.ts` decides, `dynamodb-guard.ts` keeps it in the grants table under `guard#<target>`.
 */
import type { ChangeOf, Grant, TargetAccount } from '../events/catalogue.ts';

/** Limits of one window. More than `most` trips; so does more than `share` of what is held, but never `always` or fewer. */
export interface GuardLimit {
  readonly most: number;
  /** 0 to 1. */
  readonly share: number;
}

export interface GuardLimits {
  /** Memberships and assignments that end. */
  readonly revocations: { readonly run: GuardLimit; readonly hour: GuardLimit; readonly day: GuardLimit };
  /** Accounts that lose all access, or are deleted. */
  readonly accounts: { readonly run: GuardLimit; readonly hour: GuardLimit; readonly day: GuardLimit };
  /** Hours until what is staged needs a new approval. */
  readonly expiryHours: number;
}

/** What somebody or something is about to lose. */
export interface Removal {
  /** Key of the principal (`domain#guid`), or `role#<name>` for a role's own assignments and foreign members. */
  readonly key: string;
  /** Of the decision that asks for it; what was rejected stays rejected for this revision. */
  readonly revision: number;
  /** How a person calls it. */
  readonly name: string;
  readonly revoke: readonly Grant[];
  /** Memberships and assignments that end: as a rule the length of `revoke`. */
  readonly revocations: number;
  /** 1 when the account loses all access or is deleted, else 0. */
  readonly accounts: 0 | 1;
  readonly account?: TargetAccount | undefined;
}

export type Admission = Told &
  (
    | { readonly admitted: true }
    /** `tripped` is set until it has been told: GuardTripped is to be raised. `staged` is false where it was staged and told before. */
    | {
        readonly admitted: false;
        readonly guard: string;
        readonly staged: boolean;
        readonly tripped?: Omit<ChangeOf<'GuardTripped'>, 'target'> | undefined;
        /** A person said no to this removal at this revision. */
        readonly rejected?: true | undefined;
        /** Of a run: keys of what a person said no to, and so is not staged. */
        readonly refused?: readonly string[] | undefined;
      }
  );

interface Told {
  /** A guard that nobody decided on in time: GuardReleased, `expired`, is to be raised. */
  readonly released?: { readonly guard: string; readonly staged: number } | undefined;
  /**
   * An outbox: call it when the events about this admission are on the bus. Until then the same question brings `staged`, `tripped` and
   * `released` again, so that a crash in between loses no event. Left out where there is nothing to tell.
   */
  readonly told?: (() => Promise<void>) | undefined;
}

export interface Guard {
  /**
   * Asks whether a removal may be done. Counted when it may, staged when not. Asking again for what is admitted or staged counts nothing.
   *
   * @throws RetryableError when other runs keep writing the guard's item first
   */
  admit(removal: Removal): Promise<Admission>;
  /**
   * Asks for a whole run's removals before its first, at most one of each key: all or none. Asking for one of them by itself later counts
   * nothing; one that was rejected hinders no run, and is refused when asked for by itself.
   *
   * @throws RetryableError when other runs keep writing the guard's item first
   */
  admitRun(removals: readonly Removal[]): Promise<Admission>;
  /** Memberships and accounts that came or went, so that shares are of what is there; `exactly`: all that a complete listing found. */
  held(change: { readonly memberships: number; readonly accounts: number; readonly exactly?: true }): Promise<void>;
}
