/** Where a run of reconcile stands, between two invocations: its state in the roles table, what it listed so far and its reports in S3. */
import type { DriftReport } from './drift-report.ts';
import type { Progress } from './listing.ts';

export type Mode = 'heal' | 'report';

export interface Run {
  /** When it began, ISO 8601; names it. */
  readonly id: string;
  readonly mode: Mode;
}

export interface RunState {
  /** Counts the writes, from 1. */
  readonly version: number;
  /** The run that is not at its end; undefined between two. */
  readonly run: Run | undefined;
  /** When the last run that came to its end began, ISO 8601. */
  readonly completed: string | undefined;
}

export interface RunStore {
  /** Consistent; undefined before the first run. */
  read(): Promise<RunState | undefined>;
  /** @throws RetryableError when another invocation wrote it meanwhile */
  write(next: RunState): Promise<void>;
  /** Undefined when nothing was saved for this run. */
  loadProgress(run: Run): Promise<Progress | undefined>;
  saveProgress(run: Run, progress: Progress): Promise<void>;
  /** Writes the report as JSON and as a page. @returns their keys */
  saveReport(report: DriftReport): Promise<readonly string[]>;
}
