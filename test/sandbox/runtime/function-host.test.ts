import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, expression, functionBlocks, merge, type SmallStack, startSmallStack } from './small-stack.ts';

const actor = `
import net from 'node:net';
import dns from 'node:dns/promises';
let count = 0;
const connect = ({ host, port }) => new Promise((resolve) => {
  const socket = net.connect({ host, port }, () => { socket.destroy(); resolve('connected'); });
  socket.on('error', (error) => resolve(error.code));
});
export const handler = async (event, context) => {
  count += 1;
  const { does } = event;
  if (does === 'answer') return { event, count };
  if (does === 'context') return { ...context, remaining: context.getRemainingTimeInMillis() };
  if (does === 'environment') return process.env;
  if (does === 'throw') throw new TypeError('no such user');
  if (does === 'sleep') await new Promise((resolve) => setTimeout(resolve, event.ms));
  if (does === 'spin') for (;;);
  if (does === 'exit') process.exit(3);
  if (does === 'reject') { void Promise.reject(new Error('nobody waits')); await new Promise((resolve) => setTimeout(resolve, 1000)); }
  if (does === 'fill') { const all = []; for (;;) all.push(new Array(100_000).fill(Math.random())); }
  if (does === 'log') { console.log('plain', 7); console.error(new RangeError('too far')); process.stdout.write('{"own":"line"}\\n'); }
  if (does === 'lookup') return dns.lookup(event.name).catch((error) => error.code);
  if (does === 'connect') return connect(event);
  return null;
};
`;

describe('a function', () => {
  let small: SmallStack;
  let port = 0;
  let internetPort = 0;
  const server = createServer((socket) => socket.end());
  const internet = createServer((socket) => socket.end());

  beforeAll(async () => {
    process.env.HOST_ONLY = 'of the host';
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
    await new Promise<void>((resolve) => internet.listen(0, '127.0.0.1', resolve));
    internetPort = (internet.address() as { port: number }).port;
    const network = { subnet_ids: ['subnet-1'], security_group_ids: [expression('aws_security_group.out.id')] };
    small = await startSmallStack(
      merge(
        functionBlocks('actor', { timeout: 1, memory_size: 64, environment: { variables: { FROM_TERRAFORM: 'a value' } } }),
        // Filling its memory takes seconds where the machine is busy.
        functionBlocks('hungry', { timeout: 25, memory_size: 64 }),
        functionBlocks('single', { timeout: 2, reserved_concurrent_executions: 1, tracing_config: { mode: 'Active' } }, [
          { Effect: 'Allow', Action: ['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], Resource: '*' },
        ]),
        functionBlocks('broken'),
        functionBlocks('mistyped', { handler: 'index.main' }),
        functionBlocks('inside', { vpc_config: network }, [
          { Effect: 'Allow', Action: ['ec2:*NetworkInterface*', 'ec2:DescribeSubnets', 'ec2:*PrivateIpAddresses'], Resource: '*' },
        ]),
        {
          aws_security_group: { out: { vpc_id: 'vpc-1' } },
          aws_vpc_security_group_egress_rule: {
            out: {
              security_group_id: expression('aws_security_group.out.id'),
              ip_protocol: 'tcp',
              from_port: port,
              to_port: port,
              cidr_ipv4: '10.0.0.0/8',
            },
          },
        },
      ),
      { actor, hungry: actor, single: actor, broken: 'throw new Error("no configuration")', mistyped: actor, inside: actor },
      { hosts: { 'dc1.corp.example.com': '127.0.0.1' }, internet: [`127.0.0.1:${internetPort}`] },
    );
  });

  afterAll(async () => {
    await small.stop();
    server.close();
    internet.close();
    delete process.env.HOST_ONLY;
  });

  const invoke = (name: string, payload: object) => small.runtime.invoke(name, payload);

  it('GIVEN a handler that answers WHEN it is invoked twice THEN the answer comes back and the environment is used again', async () => {
    const first = await invoke('actor', { does: 'answer' });
    const second = await invoke('actor', { does: 'answer' });
    expect(first.payload).toMatchObject({ event: { does: 'answer' } });
    expect((second.payload as { count: number }).count).toBe((first.payload as { count: number }).count + 1);
    expect(first.functionError).toBeUndefined();
  });

  it('WHEN it is invoked THEN its context is that of the Lambda service', async () => {
    const { payload } = await invoke('actor', { does: 'context' });
    const { arn } = small.stack.functions.get('actor') ?? {};
    expect(payload).toMatchObject({
      functionName: 'actor',
      functionVersion: '$LATEST',
      invokedFunctionArn: arn,
      memoryLimitInMB: '64',
      logGroupName: '/aws/lambda/actor',
    });
    expect((payload as { awsRequestId: string }).awsRequestId).toMatch(/^[0-9a-f-]{36}$/);
    expect((payload as { remaining: number }).remaining).toBeGreaterThan(500);
    expect((payload as { remaining: number }).remaining).toBeLessThanOrEqual(1000);
  });

  it("GIVEN a host with variables of its own WHEN the function reads its environment THEN there are Terraform's and Lambda's alone", async () => {
    const { payload } = await invoke('actor', { does: 'environment' });
    const environment = payload as Record<string, string>;
    expect(environment).toMatchObject({
      FROM_TERRAFORM: 'a value',
      AWS_REGION: 'eu-central-1',
      AWS_LAMBDA_FUNCTION_NAME: 'actor',
      AWS_ENDPOINT_URL: small.endpoint.url,
    });
    expect(environment.AWS_SESSION_TOKEN).toBeTruthy();
    expect(environment).not.toHaveProperty('HOST_ONLY');
    expect(environment).not.toHaveProperty('PATH');
    expect(environment).not.toHaveProperty('HOME');
  });

  it('fails with the type and message of what the handler throws', async () => {
    const { payload, functionError } = await invoke('actor', { does: 'throw' });
    expect(payload).toMatchObject({ errorType: 'TypeError', errorMessage: 'no such user' });
    expect(functionError).toBe('TypeError: no such user');
  });

  it.each([
    ['sleeps', { does: 'sleep', ms: 5000 }],
    ['never yields', { does: 'spin' }],
  ])('fails as timed out when the handler %s, and the next invocation gets a new environment', async (_what, payload) => {
    const failed = await invoke('actor', payload);
    expect(failed.functionError).toMatch(/^Sandbox\.Timedout: .*Task timed out after 1\.00 seconds$/);
    expect((await invoke('actor', { does: 'answer' })).payload).toMatchObject({ count: 1 });
  });

  it.each([
    ['exits', { does: 'exit' }, /^Runtime\.ExitError: .*exit status 3/],
    ['leaves a rejection to nobody', { does: 'reject' }, /^Runtime\.UnhandledPromiseRejection: nobody waits/],
  ])('fails when the handler %s, and the next invocation gets a new environment', async (_what, payload, error) => {
    expect((await invoke('actor', payload)).functionError).toMatch(error);
    expect((await invoke('actor', { does: 'answer' })).payload).toMatchObject({ count: 1 });
  });

  it('fails when the handler takes more memory than it has, and the next invocation gets a new environment', async () => {
    expect((await invoke('hungry', { does: 'fill' })).functionError).toMatch(/^Runtime\.ExitError: .*signal: killed/);
    expect((await invoke('hungry', { does: 'answer' })).payload).toMatchObject({ count: 1 });
  });

  it('fails when its environments are killed during an invocation', async () => {
    const interrupted = invoke('actor', { does: 'sleep', ms: 900 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    await small.runtime.killEnvironments('actor');
    expect((await interrupted).functionError).toMatch(/^Runtime\.ExitError/);
    expect((await invoke('actor', { does: 'answer' })).payload).toMatchObject({ count: 1 });
  });

  it.each([
    ['broken', 'Error: no configuration'],
    ['mistyped', 'Runtime.HandlerNotFound: index.main is undefined or not exported'],
  ])('fails each invocation while its code cannot be loaded (%s)', async (name, error) => {
    expect((await invoke(name, {})).functionError).toBe(error);
    expect((await invoke(name, {})).functionError).toBe(error);
  });

  it('fails as throttled when its reserved concurrency is in use', async () => {
    const running = invoke('single', { does: 'sleep', ms: 300 });
    await expect(invoke('single', { does: 'answer' })).rejects.toMatchObject({ code: 'TooManyRequestsException', status: 429 });
    expect((await running).functionError).toBeUndefined();
    expect((await invoke('single', { does: 'answer' })).functionError).toBeUndefined();
  });

  it('GIVEN JSON logs WHEN it writes THEN its lines and the platform records reach its log group in its own role', async () => {
    const { logs } = await invoke('actor', { does: 'log' });
    await small.runtime.idle();
    const { events } = await small.endpoint.call('operator', 'logs', 'FilterLogEvents', { logGroupName: '/aws/lambda/actor' });
    const messages = (events as { message: string }[]).map(({ message }) => JSON.parse(message) as Record<string, unknown>);
    expect(logs).toHaveLength(3);
    expect(messages).toContainEqual(expect.objectContaining({ level: 'INFO', message: 'plain 7' }));
    expect(messages).toContainEqual(expect.objectContaining({ level: 'ERROR', errorType: 'RangeError', errorMessage: 'too far' }));
    expect(messages).toContainEqual({ own: 'line' });
    expect(messages.map(({ type }) => type)).toEqual(expect.arrayContaining(['platform.start', 'platform.report']));
    const delivery = small.endpoint.calls.find(({ operation }) => operation === 'PutLogEvents');
    expect(delivery).toMatchObject({ outcome: 'ok', caller: { roleArn: expect.stringContaining(':role/') } });
  });

  it('GIVEN active tracing WHEN it is invoked THEN its trace is sent in its own role', async () => {
    await invoke('single', { does: 'answer' });
    await small.runtime.idle();
    const { roleArn = '' } = small.stack.functions.get('single') ?? {};
    const traced = small.endpoint.calls.filter(({ service }) => service === 'xray');
    expect(traced.map(({ operation }) => operation)).toEqual(expect.arrayContaining(['PutTraceSegments', 'PutTelemetryRecords']));
    for (const call of traced) expect(call).toMatchObject({ outcome: 'ok', caller: { roleArn } });
  });

  it('GIVEN a function in the VPC WHEN the runtime starts THEN it is attached in its own role', () => {
    const { roleArn = '' } = small.stack.functions.get('inside') ?? {};
    const attached = small.endpoint.calls.filter(({ service }) => service === 'ec2');
    expect(attached.map(({ operation }) => operation)).toEqual(expect.arrayContaining(['DescribeSubnets', 'CreateNetworkInterface']));
    for (const call of attached) expect(call).toMatchObject({ outcome: 'ok', caller: { roleArn } });
  });

  it('GIVEN a function outside the VPC WHEN it looks up or connects THEN only the endpoint and the internet are there', async () => {
    const endpoint = new URL(small.endpoint.url);
    expect((await invoke('actor', { does: 'lookup', name: 'dc1.corp.example.com' })).payload).toBe('ENOTFOUND');
    expect((await invoke('actor', { does: 'connect', host: '127.0.0.1', port })).payload).toBe('ENETUNREACH');
    expect((await invoke('actor', { does: 'connect', host: endpoint.hostname, port: Number(endpoint.port) })).payload).toBe('connected');
    expect((await invoke('actor', { does: 'connect', host: '127.0.0.1', port: internetPort })).payload).toBe('connected');
  });

  it('GIVEN a function in the VPC WHEN it connects to the internet THEN it is not let out', async () => {
    const endpoint = new URL(small.endpoint.url);
    expect((await invoke('inside', { does: 'connect', host: '127.0.0.1', port: internetPort })).payload).toBe('ENETUNREACH');
    expect((await invoke('inside', { does: 'connect', host: 'dc1.corp.example.com', port: internetPort })).payload).toBe('ENETUNREACH');
    expect((await invoke('inside', { does: 'connect', host: endpoint.hostname, port: Number(endpoint.port) })).payload).toBe('connected');
  });

  it("GIVEN a function in the VPC WHEN it connects THEN the VPC's names resolve and the security group's ports alone are let out", async () => {
    expect((await invoke('inside', { does: 'lookup', name: 'dc1.corp.example.com' })).payload).toEqual({ address: '127.0.0.1', family: 4 });
    expect((await invoke('inside', { does: 'lookup', name: 'example.com' })).payload).toBe('ENOTFOUND');
    expect((await invoke('inside', { does: 'connect', host: 'dc1.corp.example.com', port })).payload).toBe('connected');
    expect((await invoke('inside', { does: 'connect', host: 'dc1.corp.example.com', port: 389 })).payload).toBe('ENETUNREACH');
    expect((await invoke('inside', { does: 'connect', host: '10.0.0.1', port })).payload).toBe('ENETUNREACH');
  });

  it('GIVEN the operator WHEN Invoke is called at the endpoint THEN the function runs', async () => {
    const request = { FunctionName: 'actor', Payload: Buffer.from('{"does":"answer"}') };
    const answer = await small.endpoint.call('operator', 'lambda', 'Invoke', request);
    expect(JSON.parse(Buffer.from(answer.Payload as Buffer).toString())).toMatchObject({ event: { does: 'answer' } });
    const asynchronous = await small.endpoint.call('operator', 'lambda', 'Invoke', { ...request, InvocationType: 'Event' });
    expect(asynchronous.StatusCode).toBe(202);
    const before = small.runtime.invocations.length;
    await eventually('the asynchronous invocation', () => (small.runtime.invocations.length > before ? true : undefined));
  });
});
