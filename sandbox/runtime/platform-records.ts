/** The records Lambda itself writes to a function's log (AWS Lambda Developer Guide, "Lambda Telemetry API Event schema reference"). */
import type { AppliedFunction } from '../terraform/applied-stack.ts';
import type { Outcome } from './execution-environment.ts';

export function startRecord(settings: AppliedFunction, requestId: string): string | undefined {
  if (settings.logFormat === 'Text') return `START RequestId: ${requestId} Version: $LATEST`;
  // The start is at level INFO; a report is at WARN when it tells of a failure.
  if (!['DEBUG', 'INFO'].includes(settings.systemLogLevel)) return undefined;
  return record('platform.start', { requestId, functionArn: settings.arn, version: '$LATEST' });
}

export function reportRecord(
  settings: AppliedFunction,
  report: { readonly requestId: string; readonly durationMs: number; readonly initDurationMs?: number; readonly outcome: Outcome },
): string | undefined {
  const { requestId, durationMs, initDurationMs, outcome } = report;
  const billed = Math.ceil(durationMs + (initDurationMs ?? 0));
  if (settings.logFormat === 'Text') {
    const duration = `Duration: ${durationMs.toFixed(2)} ms\tBilled Duration: ${billed} ms\tMemory Size: ${settings.memoryMb} MB`;
    return `END RequestId: ${requestId}\nREPORT RequestId: ${requestId}\t${duration}`;
  }
  if (outcome.status === 'success' && !['DEBUG', 'INFO'].includes(settings.systemLogLevel)) return undefined;
  return record('platform.report', {
    requestId,
    metrics: {
      durationMs: round(durationMs),
      billedDurationMs: billed,
      memorySizeMB: settings.memoryMb,
      ...(initDurationMs !== undefined && { initDurationMs: round(initDurationMs) }),
    },
    status: outcome.status,
    ...(outcome.error && { errorType: outcome.error.errorType }),
  });
}

function record(type: string, content: Record<string, unknown>): string {
  return JSON.stringify({ time: new Date().toISOString(), type, record: content });
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
