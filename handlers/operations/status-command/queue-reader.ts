/** Reads the queues of a deployment: what is in them, and for how long. */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { GetQueueAttributesCommand, paginateListQueues, type SQSClient } from '@aws-sdk/client-sqs';
import { mapLimited } from '../../platform/dynamodb.ts';
import { latestOf } from './metric-reader.ts';
import type { QueueReading } from './readings.ts';

const attributes = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible', 'ApproximateNumberOfMessagesDelayed'] as const;
const readsAtOnce = 8;

export async function readQueues(
  { sqs, cloudwatch }: { readonly sqs: SQSClient; readonly cloudwatch: CloudWatchClient },
  own: string,
  isOurs: (name: string) => boolean,
  now: Date,
): Promise<readonly QueueReading[]> {
  const urls: string[] = [];
  // SQS pages only where a size is asked for (Amazon SQS API Reference, ListQueues).
  for await (const { QueueUrls = [] } of paginateListQueues({ client: sqs, pageSize: 1000 }, { QueueNamePrefix: own }))
    urls.push(...QueueUrls);
  const ours = urls.map((url) => ({ url, name: url.split('/').at(-1) ?? '' })).filter(({ name }) => isOurs(name));
  if (ours.length === 0) throw new Error(`there is no queue ${own}…: deploy the environment again`);
  const counted = await mapLimited(ours, readsAtOnce, async ({ url, name }) => {
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...attributes] }));
    return { name, messages: attributes.reduce((sum, attribute) => sum + Number(Attributes?.[attribute] ?? 0), 0) };
  });
  // A dead letter's age is that of its failure: it does not matter, that it is there does.
  const waiting = counted.filter(({ name, messages }) => messages > 0 && !/-dead-letters(?:\.fifo)?$/.test(name));
  const ages = await latestOf(
    cloudwatch,
    waiting.map(({ name }) => ({ namespace: 'AWS/SQS', name: 'ApproximateAgeOfOldestMessage', dimensions: { QueueName: name } })),
    now,
  );
  return counted.map((queue) => ({ ...queue, ageSeconds: ages[waiting.indexOf(queue)] }));
}
