import { afterEach, describe, expect, it } from 'vitest';
import { periodSeconds } from '../../../sandbox/runtime/schedule.ts';
import {
  type Blocks,
  bodiesIn,
  document,
  eventually,
  expression,
  functionBlocks,
  merge,
  type SmallStack,
  send,
  startSmallStack,
} from './small-stack.ts';

const job = `
export const handler = async ({ does }) => {
  if (does === 'throw') throw new Error('no directory');
  if (does === 'sleep') await new Promise((resolve) => setTimeout(resolve, 300));
};
`;

describe('schedules and asynchronous invocations', () => {
  let small: SmallStack | undefined;
  afterEach(async () => {
    await small?.stop();
    small = undefined;
  });

  const blocks = (input: object, retries: number, settings: Record<string, unknown> = {}): Blocks =>
    merge(
      functionBlocks('job', { dead_letter_config: { target_arn: expression('aws_sqs_queue.dead.arn') }, ...settings }, [send('dead')]),
      {
        aws_sqs_queue: { dead: { name: 'dead' } },
        aws_lambda_function_event_invoke_config: {
          job: { function_name: expression('aws_lambda_function.job.function_name'), maximum_retry_attempts: retries },
        },
        aws_iam_role: { timer: { name: 'timer', assume_role_policy: document([]) } },
        aws_iam_role_policy: {
          timer: {
            name: 'invoke',
            role: expression('aws_iam_role.timer.name'),
            policy: document([{ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource: expression('aws_lambda_function.job.arn') }]),
          },
        },
        aws_scheduler_schedule: {
          job: {
            name: 'job',
            schedule_expression: 'rate(1 minute)',
            flexible_time_window: { mode: 'OFF' },
            target: {
              arn: expression('aws_lambda_function.job.arn'),
              role_arn: expression('aws_iam_role.timer.arn'),
              input: JSON.stringify(input),
            },
          },
        },
      },
    );
  const started = () => small?.runtime.invocations.length ?? 0;

  it("GIVEN a compressed period WHEN the runtime starts THEN the target runs at once and every period, in the schedule's role", async () => {
    small = await startSmallStack(blocks({}, 0), { job }, { pollSeconds: 0.1 });
    await eventually('three runs', () => (started() >= 3 ? true : undefined));
    const invoke = small.endpoint.calls.find(({ operation }) => operation === 'Invoke');
    expect(invoke).toMatchObject({ caller: { roleArn: 'arn:aws:iam::111122223333:role/timer' }, outcome: 'ok' });
  });

  it('GIVEN paused schedules WHEN time passes THEN nothing runs until they resume', async () => {
    small = await startSmallStack(blocks({}, 0), { job }, { pollSeconds: 0.05 });
    await eventually('the first run', () => (started() >= 1 ? true : undefined));
    small.runtime.pauseSchedules();
    await small.runtime.idle();
    const before = started();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(started()).toBe(before);
    small.runtime.resumeSchedules();
    await eventually('another run', () => (started() > before ? true : undefined));
  });

  it('GIVEN no retries WHEN the function throws THEN the event is in the dead-letter queue after one attempt', async () => {
    small = await startSmallStack(blocks({ does: 'throw' }, 0), { job });
    const { endpoint, stack } = small;
    const url = String(stack.resource('aws_sqs_queue').attributes.url);
    const bodies = await eventually('the dead letter', async () => {
      const found = await bodiesIn(endpoint, url);
      return found.length > 0 ? found : undefined;
    });
    expect(bodies).toEqual(['{"does":"throw"}']);
    expect(started()).toBe(1);
  });

  it('GIVEN one retry WHEN the function throws THEN it is tried twice', async () => {
    small = await startSmallStack(blocks({ does: 'throw' }, 1), { job });
    await small.runtime.idle();
    expect(small.runtime.invocations.map(({ error }) => error)).toEqual(['Error: no directory', 'Error: no directory']);
  });

  it('GIVEN a function that runs alone WHEN it is invoked twice THEN the second waits for the first', async () => {
    small = await startSmallStack(blocks({ does: 'sleep' }, 0, { reserved_concurrent_executions: 1 }), { job });
    await small.endpoint.call('operator', 'lambda', 'Invoke', { FunctionName: 'job', InvocationType: 'Event', Payload: '{}' });
    await small.runtime.idle();
    const [first, second] = small.runtime.invocations;
    expect(second?.startedAt).toBeGreaterThanOrEqual((first?.startedAt ?? 0) + (first?.durationMs ?? 0) - 2);
    expect(small.runtime.invocations.map(({ error }) => error)).toEqual([undefined, undefined]);
  });

  it('fails visibly when the schedule may not invoke its target', async () => {
    const denied = blocks({}, 0);
    delete denied.aws_iam_role_policy?.timer;
    small = await startSmallStack(denied, { job });
    const { problems } = small.runtime;
    await eventually('the problem', () => problems.find((problem) => problem.includes('lambda:InvokeFunction')));
    expect(started()).toBe(0);
  });

  it.each([
    ['rate(1 minute)', 60],
    ['rate(5 minutes)', 300],
    ['rate(2 hours)', 7200],
    ['rate(1 day)', 86_400],
  ])('GIVEN %s WHEN it is read THEN its period is %i seconds', (schedule, seconds) => {
    expect(periodSeconds(schedule)).toBe(seconds);
  });

  it.each(['cron(0 * * * ? *)', 'rate(0 minutes)', 'at(2030-01-01T00:00:00)'])('fails for %s, and says what it follows', (schedule) => {
    expect(() => periodSeconds(schedule)).toThrow(`schedule expression ${schedule} is not followed`);
  });
});
