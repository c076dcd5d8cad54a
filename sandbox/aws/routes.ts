import { AwsError } from './error.ts';
import type { Route } from './protocol/rest-json.ts';

// Where the restJson1 services have their operations: the API references' request syntax.

const functions = '/2015-03-31/functions';
const mappings = '/2015-03-31/event-source-mappings';
const concurrency = (version: string): string => `/${version}/functions/{FunctionName}/concurrency`;

export const lambdaRoutes: readonly Route[] = [
  {
    on: `POST ${functions}/{FunctionName}/invocations`,
    operation: 'Invoke',
    query: { Qualifier: 'Qualifier' },
    read: ({ body, headers }) => {
      if (headers['x-amz-log-type'] === 'Tail')
        throw new AwsError('NotImplemented', 'the sandbox has no log tail; read the function’s log group', 501);
      const type = headers['x-amz-invocation-type'];
      return { Payload: body, ...(type ? { InvocationType: String(type) } : {}) };
    },
    write: (output) => ({
      status: Number(output.StatusCode),
      headers: {
        'content-type': 'application/json',
        ...(output.ExecutedVersion ? { 'x-amz-executed-version': String(output.ExecutedVersion) } : {}),
        ...(output.FunctionError ? { 'x-amz-function-error': String(output.FunctionError) } : {}),
      },
      body: output.Payload instanceof Uint8Array ? output.Payload : '',
    }),
  },
  { on: `GET ${functions}`, operation: 'ListFunctions', query: { Marker: 'Marker', MaxItems: 'MaxItems' } },
  { on: `GET ${functions}/{FunctionName}`, operation: 'GetFunction', query: { Qualifier: 'Qualifier' } },
  { on: `GET ${functions}/{FunctionName}/configuration`, operation: 'GetFunctionConfiguration', query: { Qualifier: 'Qualifier' } },
  { on: `GET ${functions}/{FunctionName}/policy`, operation: 'GetPolicy', query: { Qualifier: 'Qualifier' } },
  {
    on: `GET ${mappings}`,
    operation: 'ListEventSourceMappings',
    query: { EventSourceArn: 'EventSourceArn', FunctionName: 'FunctionName', Marker: 'Marker', MaxItems: 'MaxItems' },
  },
  { on: `GET ${mappings}/{UUID}`, operation: 'GetEventSourceMapping' },
  { on: `PUT ${mappings}/{UUID}`, operation: 'UpdateEventSourceMapping', status: 202 },
  { on: `PUT ${concurrency('2017-10-31')}`, operation: 'PutFunctionConcurrency' },
  { on: `GET ${concurrency('2019-09-30')}`, operation: 'GetFunctionConcurrency' },
  { on: `DELETE ${concurrency('2017-10-31')}`, operation: 'DeleteFunctionConcurrency', status: 204 },
];

export const schedulerRoutes: readonly Route[] = [
  { on: 'POST /schedules/{Name}', operation: 'CreateSchedule' },
  { on: 'GET /schedules/{Name}', operation: 'GetSchedule', query: { groupName: 'GroupName' } },
  {
    on: 'GET /schedules',
    operation: 'ListSchedules',
    query: { ScheduleGroup: 'GroupName', NamePrefix: 'NamePrefix', MaxResults: 'MaxResults', NextToken: 'NextToken', State: 'State' },
  },
];

export const xrayRoutes: readonly Route[] = [
  { on: 'POST /TraceSegments', operation: 'PutTraceSegments' },
  { on: 'POST /TelemetryRecords', operation: 'PutTelemetryRecords' },
];
