/** Reads of the functions which of them failed lately, and which a person stopped. */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { GetFunctionConcurrencyCommand, type LambdaClient, paginateListEventSourceMappings } from '@aws-sdk/client-lambda';
import { mapLimited } from '../../platform/dynamodb.ts';
import type { DeployedFunction } from './deployment.ts';
import { sumsOf } from './metric-reader.ts';
import type { FunctionReading } from './readings.ts';

const readsAtOnce = 8;

export async function readFunctions(
  { lambda, cloudwatch }: { readonly lambda: LambdaClient; readonly cloudwatch: CloudWatchClient },
  functions: readonly DeployedFunction[],
  now: Date,
): Promise<readonly FunctionReading[]> {
  const disabled = new Set<string>();
  for await (const { EventSourceMappings = [] } of paginateListEventSourceMappings({ client: lambda }, {})) {
    for (const { FunctionArn = '', State } of EventSourceMappings) {
      // While it is being enabled again the state is Enabling, then Enabled.
      if (State === 'Disabled' || State === 'Disabling') disabled.add(FunctionArn.split(':')[6] ?? '');
    }
  }
  const errors = await sumsOf(
    cloudwatch,
    functions.map(({ name }) => ({ namespace: 'AWS/Lambda', name: 'Errors', dimensions: { FunctionName: name } })),
    now,
  );
  return await mapLimited(functions, readsAtOnce, async (deployed) => {
    const { name } = deployed;
    const { ReservedConcurrentExecutions } = await lambda.send(new GetFunctionConcurrencyCommand({ FunctionName: name }));
    const stopped = ReservedConcurrentExecutions === 0 ? 'concurrency' : disabled.has(name) ? 'source' : undefined;
    return { name, stopped, errors: errors[functions.indexOf(deployed)] ?? 0 };
  });
}
