import { afterEach, describe, expect, it } from 'vitest';
import { type Blocks, document, expression, functionBlocks, merge, type SmallStack, startSmallStack } from './small-stack.ts';

const reader = `
import { gunzipSync } from 'node:zlib';
export const handler = async ({ awslogs }) => {
  const { logEvents } = JSON.parse(gunzipSync(Buffer.from(awslogs.data, 'base64')));
  for (const { message } of logEvents) process.stdout.write(JSON.stringify({ message: 'READ', said: message }) + '\\n');
};
`;

describe('log subscriptions of a stack', () => {
  let small: SmallStack | undefined;
  afterEach(async () => {
    await small?.stop();
    small = undefined;
  });

  const permission = (suffix = ':*'): Blocks => ({
    aws_lambda_permission: {
      logs: {
        statement_id: 'logs',
        action: 'lambda:InvokeFunction',
        function_name: expression('aws_lambda_function.reader.function_name'),
        principal: 'logs.eu-central-1.amazonaws.com',
        source_arn: `${expression('aws_cloudwatch_log_group.security.arn')}${suffix}`,
        source_account: '111122223333',
      },
    },
  });
  const directoryMayWrite = {
    Effect: 'Allow',
    Principal: { Service: 'ds.amazonaws.com' },
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: `${expression('aws_cloudwatch_log_group.security.arn')}:*`,
  };
  const blocks: Blocks = {
    aws_cloudwatch_log_group: { security: { name: '/aws/directoryservice/d-9067f0a1b2' } },
    aws_cloudwatch_log_subscription_filter: {
      security: {
        name: 'changes',
        log_group_name: expression('aws_cloudwatch_log_group.security.name'),
        filter_pattern: '?"<EventID>4720<" ?"<EventID>4726<"',
        destination_arn: expression('aws_lambda_function.reader.arn'),
        depends_on: ['aws_lambda_permission.logs'],
      },
    },
    aws_cloudwatch_log_resource_policy: { security: { policy_name: 'directory', policy_document: document([directoryMayWrite]) } },
    aws_directory_service_log_subscription: {
      security: {
        directory_id: 'd-9067f0a1b2',
        log_group_name: expression('aws_cloudwatch_log_group.security.name'),
        depends_on: ['aws_cloudwatch_log_resource_policy.security'],
      },
    },
    aws_cloudwatch_log_metric_filter: {
      read: {
        name: 'read',
        log_group_name: expression('aws_cloudwatch_log_group.reader.name'),
        pattern: '{ $.message = "READ" }',
        metric_transformation: { name: 'Read', namespace: 'Security', value: '1', dimensions: { Said: '$.said' } },
      },
    },
  };
  const start = (...parts: Blocks[]) => startSmallStack(merge(functionBlocks('reader'), blocks, ...parts), { reader });

  it('GIVEN a directory that forwards its Security log WHEN it writes THEN the function runs, and its log is counted', async () => {
    small = await start(permission());
    const { endpoint, runtime } = small;
    const messages = ['<EventID>4720</EventID>', '<EventID>4624</EventID>', '<EventID>4726</EventID>'];
    await endpoint.call({ service: 'ds.amazonaws.com' }, 'logs', 'PutLogEvents', {
      logGroupName: '/aws/directoryservice/d-9067f0a1b2',
      logStreamName: 'd-9067f0a1b2',
      logEvents: messages.map((message) => ({ timestamp: Date.now(), message })),
    });
    await runtime.idle();
    expect(runtime.invocations.map(({ error }) => error)).toEqual([undefined]);
    const counted = endpoint
      .metrics()
      .map(({ namespace, name, dimensions, datapoints }) => [
        `${namespace}/${name}/${dimensions.Said}`,
        datapoints.reduce((sum, datapoint) => sum + datapoint.sum, 0),
      ]);
    expect(Object.fromEntries(counted)).toEqual({
      'Security/Read/<EventID>4720</EventID>': 1,
      'Security/Read/<EventID>4726</EventID>': 1,
    });
    expect(runtime.problems).toEqual([]);
  });

  it('fails to apply a subscription without the permission, or with one for the bare ARN of the group', async () => {
    await expect(start(permission(''))).rejects.toThrow(
      /aws_cloudwatch_log_subscription_filter.security: Could not execute the lambda function/,
    );
  });

  it('fails to apply the forwarding of a directory that may not write to the group', async () => {
    const policy = {
      aws_cloudwatch_log_resource_policy: {
        security: { policy_name: 'another', policy_document: document([{ ...directoryMayWrite, Action: 'logs:PutLogEvents' }]) },
      },
    };
    await expect(start(permission(), policy)).rejects.toThrow(/aws_directory_service_log_subscription.security: .*may not write/);
  });
});
