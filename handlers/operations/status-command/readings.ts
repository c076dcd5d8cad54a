/** What the status is told from: the state that the other domains keep, each part read for itself, so that one that fails hides no other. */
import type { CredentialSettings } from '../../credentials/credential-settings.ts';
import type { RotationEntry } from '../../credentials/rotation-ledger.ts';
import type { Cursor, StatusRow } from '../../directory/mirror.ts';
import type { TrippedGuard } from '../../roles/guard-limits.ts';
import type { DriftReport } from '../../roles/reconcile/drift-report.ts';

/** What was read, or why it could not be. */
export type Reading<T> = { readonly known: true; readonly value: T } | { readonly known: false; readonly reason: string };

/** Reads, and takes a failure for an answer: it is told as unknown, never as well. */
export async function reading<T>(read: () => Promise<T>): Promise<Reading<T>> {
  try {
    return { known: true, value: await read() };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { known: false, reason: `${name}: ${message}` };
  }
}

/** Failures are counted over this time: as long as CloudWatch takes to tell of a queue that began to move again. */
export const recentMinutes = 15;

export interface Readings {
  readonly functions: Reading<FunctionsReading>;
  readonly directories: readonly DirectoryReading[];
  readonly targets: readonly TargetReading[];
  readonly queues: Reading<readonly QueueReading[]>;
  readonly credentials: readonly CredentialsReading[];
  readonly alarms: Reading<AlarmsReading>;
  readonly audit: Reading<AuditReading>;
}

export interface FunctionsReading {
  readonly all: readonly FunctionReading[];
  /** Functions that every deployment has, and that are not there. */
  readonly missing: readonly string[];
}

export interface FunctionReading {
  readonly name: string;
  /** A person stopped it: its source is not read, or it may not run at all. */
  readonly stopped: 'source' | 'concurrency' | undefined;
  /** Invocations that failed within `recentMinutes`. */
  readonly errors: number;
}

export interface DirectoryReading {
  readonly domain: string;
  /** Name of its detect-changes. */
  readonly functionName: string;
  readonly state: Reading<{
    readonly cursor:
      | Pick<
          Cursor,
          'polledAt' | 'unreachableSince' | 'snapshot' | 'fullSync' | 'verification' | 'verifiedAt' | 'scopeUnknown' | 'heldBack'
        >
      | undefined;
    readonly status: Pick<StatusRow, 'reachable' | 'since' | 'reason'> | undefined;
  }>;
}

export interface TargetReading {
  readonly name: string;
  /** When its reconcile was deployed last, ISO 8601. */
  readonly deployedAt: string;
  readonly everyMinutes: number;
  readonly guard: Reading<{ readonly tripped: TrippedGuard; readonly staged: number } | undefined>;
  readonly drift: Reading<{ readonly completed: string | undefined; readonly findings: DriftReport['findings'] }>;
  /** Changes that failed within `recentMinutes`. */
  readonly failures: Reading<number>;
}

export interface QueueReading {
  readonly name: string;
  /** Waiting, delayed or being worked on. */
  readonly messages: number;
  /** Of the oldest one; undefined where CloudWatch has counted none yet. */
  readonly ageSeconds: number | undefined;
}

export interface CredentialsReading {
  /** Name of its rotate-credential. */
  readonly functionName: string;
  readonly credentials: Reading<readonly { readonly settings: CredentialSettings; readonly entry: RotationEntry }[]>;
}

export interface AlarmsReading {
  readonly count: number;
  readonly ringing: readonly { readonly name: string; readonly since: string | undefined }[];
  /** Seconds that the lag alarm of a detect-changes allows, by the function's name. */
  readonly lagLimits: ReadonlyMap<string, number>;
}

export interface AuditReading {
  /** Hour of the newest digest. */
  readonly newest: string | undefined;
  /** Objects of the last day in the place of digests that are none. */
  readonly unreadable: readonly string[];
  /** Segments that were gone when an hour of the last day was closed. */
  readonly missing: readonly string[];
  /** Hour of the first record, where nothing is closed yet. */
  readonly firstHour: string | undefined;
}
