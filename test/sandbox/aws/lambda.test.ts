import {
  DeleteFunctionConcurrencyCommand,
  GetFunctionCommand,
  GetFunctionConcurrencyCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  ListFunctionsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { describe, expect, test } from 'vitest';
import { account, allow, clientOf, endpointForTests, failure, region, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new LambdaClient(clientOf(endpoint));
const Role = roleAllowed(endpoint, 'function-role', []);
const functionArn = `arn:aws:lambda:${region}:${account}:function:publish-changes`;
await endpoint.call('operator', 'lambda', 'CreateFunction', {
  FunctionName: 'publish-changes',
  Role,
  Runtime: 'nodejs22.x',
  Handler: 'index.handler',
  Timeout: 30,
});
const invoke = (Payload: string, InvocationType: 'RequestResponse' | 'Event' | 'DryRun' = 'RequestResponse') =>
  client.send(new InvokeCommand({ FunctionName: functionArn, Payload: Buffer.from(Payload), InvocationType }));

describe('invoke', () => {
  test('fails GIVEN no runtime is attached', async () => {
    expect((await failure(invoke('{}'))).name).toBe('ServiceException');
  });

  test('GIVEN a runtime WHEN invoked THEN it gets the payload, and its answer or error comes back', async () => {
    const requests: unknown[] = [];
    endpoint.onInvoke(async (request) => {
      requests.push(request);
      return JSON.parse(request.payload).fail
        ? { payload: '{"errorMessage":"no"}', functionError: 'Unhandled' }
        : { payload: '{"ok":true}' };
    });
    const answer = await invoke('{"a":1}');
    expect([answer.StatusCode, answer.FunctionError, answer.Payload?.transformToString()]).toEqual([200, undefined, '{"ok":true}']);
    expect(requests).toEqual([{ functionName: 'publish-changes', payload: '{"a":1}', invocationType: 'RequestResponse' }]);
    const failed = await invoke('{"fail":true}');
    expect([failed.StatusCode, failed.FunctionError, failed.Payload?.transformToString()]).toEqual([
      200,
      'Unhandled',
      '{"errorMessage":"no"}',
    ]);
    expect((await invoke('{}', 'Event')).StatusCode).toBe(202);
    expect((await invoke('{}', 'DryRun')).StatusCode).toBe(204);
    expect(requests).toHaveLength(3);
  });

  test('fails GIVEN a function that is not there, or a payload that is no JSON', async () => {
    expect((await failure(client.send(new InvokeCommand({ FunctionName: 'nowhere' })))).name).toBe('ResourceNotFoundException');
    expect((await failure(invoke('{'))).name).toBe('InvalidRequestContentException');
  });

  test('GIVEN a permission for one source WHEN a service invokes THEN that source alone is let in', async () => {
    const SourceArn = `arn:aws:events:${region}:${account}:rule/one`;
    await endpoint.call('operator', 'lambda', 'AddPermission', {
      FunctionName: 'publish-changes',
      StatementId: 'rule',
      Action: 'lambda:InvokeFunction',
      Principal: 'events.amazonaws.com',
      SourceArn,
    });
    const as = (sourceArn: string) =>
      endpoint.call({ service: 'events.amazonaws.com', sourceArn }, 'lambda', 'Invoke', {
        FunctionName: 'publish-changes',
        InvocationType: 'DryRun',
      });
    expect(await as(SourceArn)).toEqual({ StatusCode: 204 });
    expect((await failure(as(`${SourceArn}s`))).name).toBe('AccessDeniedException');
  });
});

describe('a function that invokes another', () => {
  const asRole = (name: string, ...statements: Parameters<typeof roleAllowed>[2]) => {
    const role = roleAllowed(endpoint, name, statements);
    return new LambdaClient(clientOf(endpoint, endpoint.credentialsFor(role, name)));
  };
  const wake = (caller: LambdaClient) =>
    caller.send(new InvokeCommand({ FunctionName: functionArn, InvocationType: 'Event', Payload: Buffer.from('{"wake":true}') }));

  test("GIVEN a role for exactly that function WHEN it invokes without waiting THEN it is accepted, and so for the function's short name", async () => {
    endpoint.onInvoke(async () => ({ payload: '' }));
    const caller = asRole('waking', allow('lambda:InvokeFunction', functionArn));
    expect((await wake(caller)).StatusCode).toBe(202);
    expect((await caller.send(new InvokeCommand({ FunctionName: 'publish-changes', InvocationType: 'Event' }))).StatusCode).toBe(202);
  });

  test.each([
    ['nothing', []],
    ['another function', [allow('lambda:InvokeFunction', `${functionArn}-2`)]],
    ['another action on it', [allow('lambda:GetFunction', functionArn)]],
  ])('fails for a role that is allowed %s, and nothing runs', async (_, statements) => {
    const ran: unknown[] = [];
    endpoint.onInvoke(async (request) => {
      ran.push(request);
      return { payload: '' };
    });
    const refused = await failure(wake(asRole(`refused-${statements.length}`, ...statements)));
    expect(refused).toMatchObject({ name: 'AccessDeniedException', message: expect.stringContaining('lambda:InvokeFunction') });
    expect(ran).toEqual([]);
  });
});

describe('what was declared', () => {
  test('GIVEN a function and a mapping WHEN listed THEN they are as declared', async () => {
    const EventSourceArn = `arn:aws:sqs:${region}:${account}:work`;
    const ScalingConfig = { MaximumConcurrency: 2 };
    await endpoint.call('operator', 'lambda', 'CreateEventSourceMapping', {
      FunctionName: 'publish-changes',
      EventSourceArn,
      ScalingConfig,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    expect((await client.send(new ListFunctionsCommand({}))).Functions).toMatchObject([
      { FunctionName: 'publish-changes', FunctionArn: functionArn, Timeout: 30 },
    ]);
    expect((await client.send(new GetFunctionCommand({ FunctionName: 'publish-changes' }))).Configuration?.Role).toBe(Role);
    const { EventSourceMappings } = await client.send(new ListEventSourceMappingsCommand({ FunctionName: 'publish-changes' }));
    expect(EventSourceMappings).toMatchObject([
      { EventSourceArn, BatchSize: 10, State: 'Enabled', FunctionArn: functionArn, ScalingConfig },
    ]);
    expect(EventSourceMappings?.[0]?.LastModified).toBeInstanceOf(Date);
  });
});

describe('services without a client here', () => {
  const operator = (service: string, operation: string, input: Record<string, unknown> = {}) =>
    endpoint.call('operator', service, operation, input);

  test('GIVEN a schedule WHEN created THEN it is found in its group; a group that is not there is refused', async () => {
    const schedule = {
      Name: 'poll',
      ScheduleExpression: 'rate(1 minute)',
      FlexibleTimeWindow: { Mode: 'OFF' },
      Target: { Arn: functionArn, RoleArn: Role },
    };
    expect((await failure(operator('scheduler', 'CreateSchedule', { ...schedule, GroupName: 'watch' }))).name).toBe(
      'ResourceNotFoundException',
    );
    await operator('scheduler', 'CreateScheduleGroup', { Name: 'watch' });
    await operator('scheduler', 'CreateSchedule', { ...schedule, GroupName: 'watch' });
    expect(await operator('scheduler', 'GetSchedule', { Name: 'poll', GroupName: 'watch' })).toMatchObject({
      ...schedule,
      State: 'ENABLED',
    });
    expect(await operator('scheduler', 'ListSchedules')).toMatchObject({
      Schedules: [{ Name: 'poll', GroupName: 'watch', Target: { Arn: functionArn } }],
    });
    expect((await failure(operator('scheduler', 'CreateSchedule', { ...schedule, ScheduleExpression: 'hourly' }))).name).toBe(
      'ValidationException',
    );
  });

  test('GIVEN traces and metrics WHEN put THEN they are taken; metrics without a name are not', async () => {
    expect(await operator('xray', 'PutTraceSegments', { TraceSegmentDocuments: ['{}'] })).toEqual({ UnprocessedTraceSegments: [] });
    expect(await operator('cloudwatch', 'PutMetricData', { Namespace: 'ad', MetricData: [{ MetricName: 'm', Value: 1 }] })).toEqual({});
    expect((await failure(operator('cloudwatch', 'PutMetricData', { Namespace: 'ad', MetricData: [{ Value: 1 }] }))).name).toBe(
      'ValidationException',
    );
  });

  test('GIVEN Lambda attaches a function WHEN it asks for an interface THEN the role must allow it for each resource', async () => {
    const attach = (caller: Parameters<typeof endpoint.call>[0]) =>
      endpoint.call(caller, 'ec2', 'CreateNetworkInterface', { SubnetId: 'subnet-1', Groups: ['sg-1'] });
    expect((await failure(attach({ roleArn: Role, sessionName: 'awslambda' }))).name).toBe('UnauthorizedOperation');
    const attaching = roleAllowed(endpoint, 'attaching', [
      { Effect: 'Allow', Action: 'ec2:*', Resource: `arn:aws:ec2:${region}:${account}:*/*` },
    ]);
    expect(await attach({ roleArn: attaching, sessionName: 'awslambda' })).toMatchObject({ NetworkInterface: { SubnetId: 'subnet-1' } });
  });

  test('GIVEN a role WHEN IAM is asked THEN its policies are there to read', async () => {
    expect(await operator('iam', 'GetRole', { RoleName: 'function-role' })).toMatchObject({ Role: { Arn: Role } });
    expect(await operator('iam', 'ListRolePolicies', { RoleName: 'attaching' })).toMatchObject({ PolicyNames: ['attaching-policy'] });
    expect((await failure(operator('iam', 'GetRole', { RoleName: 'ghost' }))).name).toBe('NoSuchEntity');
  });
});

describe('what a person stops', () => {
  const FunctionName = 'publish-changes';

  test('GIVEN reserved concurrency WHEN it is deleted THEN the function has none', async () => {
    const reserved = async () => (await client.send(new GetFunctionConcurrencyCommand({ FunctionName }))).ReservedConcurrentExecutions;
    await client.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
    expect([await reserved(), endpoint.reservedConcurrency(FunctionName)]).toEqual([0, 0]);
    await client.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
    expect([await reserved(), endpoint.reservedConcurrency(FunctionName)]).toEqual([undefined, undefined]);
  });

  test('GIVEN an event source mapping WHEN it is disabled and enabled THEN Lambda stops polling, and begins again', async () => {
    const EventSourceArn = `arn:aws:sqs:${region}:${account}:stopped`;
    const { UUID = '' } = (await endpoint.call('operator', 'lambda', 'CreateEventSourceMapping', { FunctionName, EventSourceArn })) as {
      UUID?: string;
    };
    for (const Enabled of [false, true]) {
      const { State } = await client.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
      expect([State, endpoint.polls(UUID)]).toEqual([Enabled ? 'Enabled' : 'Disabled', Enabled]);
    }
  });

  test('fails GIVEN a function or a mapping that is not there', async () => {
    const put = client.send(new PutFunctionConcurrencyCommand({ FunctionName: 'nowhere', ReservedConcurrentExecutions: 0 }));
    expect((await failure(put)).name).toBe('ResourceNotFoundException');
    const update = client.send(new UpdateEventSourceMappingCommand({ UUID: 'none', Enabled: false }));
    expect((await failure(update)).name).toBe('ResourceNotFoundException');
  });
});
