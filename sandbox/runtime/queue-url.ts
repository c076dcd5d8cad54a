/** The URL of a queue at the sandbox's endpoint, from its ARN: what Lambda looks up for itself. */
import type { AwsEndpoint } from '../aws/endpoint.ts';

export function queueUrl(endpoint: AwsEndpoint, arn: string): string {
  const [, , service, , account, name] = arn.split(':');
  if (service !== 'sqs' || name === undefined) throw new Error(`${arn} is no queue: the sandbox delivers to SQS queues alone`);
  return `${endpoint.url}/${account}/${name}`;
}
