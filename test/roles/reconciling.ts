/** reconcile with its ports in memory, before any target. */
import type { RoleMessage } from '../../handlers/access/role-message.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import type { Admission, Removal } from '../../handlers/roles/guard.ts';
import type { DriftReport } from '../../handlers/roles/reconcile/drift-report.ts';
import type { Progress } from '../../handlers/roles/reconcile/listing.ts';
import { type Outcome, type ReconcileDependencies, reconcile } from '../../handlers/roles/reconcile/reconcile.ts';
import type { Run, RunState, RunStore } from '../../handlers/roles/reconcile/run-store.ts';
import type { Target } from '../../handlers/roles/target.ts';
import { type MemoryGrants, memoryGrants } from '../access/memory-grants.ts';
import { type MemoryLedger, memoryLedger } from './memory-ledger.ts';

export interface MemoryRuns extends RunStore {
  state: RunState | undefined;
  readonly reports: DriftReport[];
}

export function memoryRuns(): MemoryRuns {
  let saved: string | undefined;
  const runs: MemoryRuns = {
    state: undefined,
    reports: [],
    read: async () => structuredClone(runs.state),
    async write(next) {
      if ((runs.state?.version ?? 0) !== next.version - 1) throw new RetryableError('another invocation was first');
      runs.state = structuredClone(next);
    },
    async loadProgress(run) {
      const found = saved === undefined ? undefined : (JSON.parse(saved) as { run: Run; progress: Progress });
      return found?.run.id === run.id ? found.progress : undefined;
    },
    async saveProgress(run, progress) {
      saved = JSON.stringify({ run, progress });
    },
    async saveReport(report) {
      runs.reports.push(report);
      return [`memory://${report.run}`];
    },
  };
  return runs;
}

export interface Reconciling {
  readonly grants: MemoryGrants;
  readonly ledger: MemoryLedger;
  readonly runs: MemoryRuns;
  readonly sent: RoleMessage[];
  readonly published: AnyIdentityEvent[];
  readonly logged: string[];
  readonly asked: Removal[];
  /** What the guard was told that the target holds. */
  readonly held: object[];
  /** The clock. */
  time: Date;
  admission: Admission;
  /** Pages that one invocation has time for. */
  pages: number;
  run(request?: unknown, more?: Partial<ReconcileDependencies>): Promise<Outcome>;
}

export function reconciling(target: Target, canned: Partial<ReconcileDependencies> = {}): Reconciling {
  const logged: string[] = [];
  const log = (code: string) => void logged.push(code);
  const all: Reconciling = {
    grants: memoryGrants(),
    ledger: memoryLedger(),
    runs: memoryRuns(),
    sent: [],
    published: [],
    logged,
    asked: [],
    held: [],
    time: new Date('2026-11-23T12:00:00.000Z'),
    admission: { admitted: true },
    pages: Number.POSITIVE_INFINITY,
    run: (request = {}, more = {}) => {
      let left = all.pages;
      return reconcile(
        {
          target,
          settings: { name: target.name, onInactive: 'deactivate', onDeleted: 'delete' },
          mode: 'heal',
          everyMinutes: 60,
          grants: all.grants,
          ledger: all.ledger,
          guard: {
            admitRun: async (removals) => {
              all.asked.push(...removals);
              return all.admission;
            },
            held: async (held) => void all.held.push(held),
          },
          runs: all.runs,
          send: async (messages) => void all.sent.push(...messages),
          publish: async (events) => {
            for (const event of events) {
              const { Source, DetailType, Detail } = toEntry(event);
              all.published.push(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) }));
            }
          },
          log: { info: log, warn: log, error: log },
          now: () => all.time,
          millisecondsLeft: () => {
            left -= 1;
            return left >= 0 ? 600_000 : 0;
          },
          ...canned,
          ...more,
        },
        request,
      );
    },
  };
  return all;
}
