/**
 * A kind of target: everything that belongs to it, in one folder. `targetKinds` lists them; a new one is one folder and one line there.
 *
 * Synth takes settings and permissions from here, the functions open the adapter: it is imported only then, so that synth loads no SDK.
 */
import type * as v from 'valibot';
import type { Log } from '../../platform/log.ts';
import type { Budget } from '../budget.ts';
import type { Target } from '../target.ts';

/** A statement of IAM, as `modules/` writes it into a function's policy. */
export interface TargetStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

export interface Place {
  readonly partition: string;
  readonly account: string;
  readonly region: string;
}

/** What an adapter gets besides its settings. */
export interface TargetSurroundings {
  readonly name: string;
  /** The target's calls a second, shared by all functions. */
  readonly budget: Budget;
  /** Reads the target's secret, fresh when asked for `again`; kinds that have none never call it. */
  readonly secret: (again?: boolean) => Promise<string>;
  readonly log: Log;
  readonly now: () => Date;
}

export interface TargetKind<Settings> {
  /** Checks the settings that a team writes, and fills in defaults. Values that are known only at apply pass as they are. */
  readonly settings: v.GenericSchema<unknown, Settings>;
  /** Whether it is opened with a secret, whose ARN the function gets. */
  secret(settings: Settings): boolean;
  /** Attributes of a profile that it takes. */
  readonly attributes: readonly string[];
  /** AWS accounts and permission sets that roles may bring there, by name; undefined: roles bring none. */
  assignable(settings: Settings): { readonly accounts: readonly string[]; readonly permissionSets: readonly string[] } | undefined;
  /** What the functions may do there: `keep` for sync-roles, `read` for reconcile. */
  permissions(settings: Settings, place: Place, use: 'keep' | 'read'): readonly TargetStatement[];
  open(settings: Settings, surroundings: TargetSurroundings): Promise<Target>;
}
