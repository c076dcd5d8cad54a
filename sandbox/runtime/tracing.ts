/**
 * Trace segments of a function, which Lambda sends in the function's role when tracing is active
 * (AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray"; X-Ray segment documents).
 */
import { randomBytes } from 'node:crypto';
import type { AwsEndpoint, Caller } from '../aws/endpoint.ts';

export interface Trace {
  readonly traceId: string;
  readonly segmentId: string;
  /** The value of the X-Amzn-Trace-Id header. */
  readonly header: string;
}

export function newTrace(): Trace {
  const traceId = `1-${Math.floor(Date.now() / 1000).toString(16)}-${randomBytes(12).toString('hex')}`;
  const segmentId = randomBytes(8).toString('hex');
  return { traceId, segmentId, header: `Root=${traceId};Parent=${segmentId};Sampled=1` };
}

/** @throws AwsError when the role may not send traces */
export async function sendSegment(
  endpoint: AwsEndpoint,
  caller: Caller,
  segment: {
    readonly trace: Trace;
    readonly name: string;
    readonly arn: string;
    readonly startedAt: number;
    readonly endedAt: number;
    readonly failed: boolean;
  },
): Promise<void> {
  const document = {
    id: segment.trace.segmentId,
    trace_id: segment.trace.traceId,
    name: segment.name,
    origin: 'AWS::Lambda::Function',
    resource_arn: segment.arn,
    start_time: segment.startedAt / 1000,
    end_time: segment.endedAt / 1000,
    fault: segment.failed,
  };
  await endpoint.call(caller, 'xray', 'PutTraceSegments', { TraceSegmentDocuments: [JSON.stringify(document)] });
  const counts = {
    Timestamp: segment.endedAt / 1000,
    SegmentsReceivedCount: 1,
    SegmentsSentCount: 1,
    SegmentsSpilloverCount: 0,
    SegmentsRejectedCount: 0,
  };
  await endpoint.call(caller, 'xray', 'PutTelemetryRecords', { TelemetryRecords: [counts] });
}
