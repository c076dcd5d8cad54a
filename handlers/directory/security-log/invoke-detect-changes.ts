/** Starting detect-changes through Lambda. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';

/** What detect-changes is given, so that its log tells a wake from a scheduled poll. */
export const wakePayload = { wake: 'security-log' } as const;

/** Puts the invocation into Lambda's own queue, which repeats it while the function is busy. @throws when Lambda does not take it */
export function invokeDetectChanges(client: LambdaClient): (functionName: string) => Promise<void> {
  return async (functionName) => {
    await client.send(
      new InvokeCommand({ FunctionName: functionName, InvocationType: 'Event', Payload: Buffer.from(JSON.stringify(wakePayload)) }),
    );
  };
}
