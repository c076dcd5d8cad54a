import { texts } from '../input.ts';
import type { Operation, Service } from '../service.ts';

/** X-Ray takes trace segments and telemetry, and keeps none. Its actions know no resource. */
export function xray(): Service {
  const accept = (action: string, run: Operation['run']): Operation => ({
    authorize: () => [{ action: `xray:${action}`, resource: '*' }],
    run,
  });
  return {
    name: 'xray',
    operations: {
      PutTraceSegments: accept('PutTraceSegments', (input) => {
        texts(input, 'TraceSegmentDocuments');
        return { UnprocessedTraceSegments: [] };
      }),
      PutTelemetryRecords: accept('PutTelemetryRecords', () => ({})),
    },
  };
}
