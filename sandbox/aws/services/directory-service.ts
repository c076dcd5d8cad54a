import { AwsError } from '../error.ts';
import { text } from '../input.ts';
import type { Input, Output, Service, Surroundings } from '../service.ts';

// AWS Directory Service: log forwarding alone. The sandbox's domain controller writes no Security log: whoever plays one puts its events, as
// ds.amazonaws.com, into the log stream that has the directory's id for its name.

export function directoryService({ region, account, call }: Surroundings): Service {
  /** Log group by directory: one each (Directory Service API Reference, CreateLogSubscription). */
  const subscriptions = new Map<string, { readonly group: string; readonly createdAt: Date }>();
  const arnOf = (directoryId: string): string => `arn:aws:ds:${region}:${account}:directory/${directoryId}`;

  async function create(input: Input): Promise<Output> {
    const directoryId = text(input, 'DirectoryId');
    const group = text(input, 'LogGroupName');
    if (subscriptions.has(directoryId))
      throw new AwsError('EntityAlreadyExistsException', `Directory ${directoryId} has a log subscription already.`);
    try {
      // The service writes in its own name, so the account's policies on logs have to let it.
      await call({ service: 'ds.amazonaws.com' }, 'logs', 'CreateLogStream', { logGroupName: group, logStreamName: directoryId });
    } catch (cause) {
      if (!(cause instanceof AwsError)) throw cause;
      if (cause.code === 'ResourceNotFoundException') throw new AwsError('EntityDoesNotExistException', `${group}: ${cause.message}`);
      throw new AwsError('InsufficientPermissionsException', `Directory Service may not write to ${group}: ${cause.message}`);
    }
    subscriptions.set(directoryId, { group, createdAt: new Date() });
    return {};
  }

  return {
    name: 'ds',
    operations: {
      CreateLogSubscription: {
        authorize: (input) => [{ action: 'ds:CreateLogSubscription', resource: arnOf(text(input, 'DirectoryId')) }],
        run: create,
      },
      ListLogSubscriptions: {
        authorize: () => [{ action: 'ds:ListLogSubscriptions', resource: '*' }],
        run: () => ({
          LogSubscriptions: [...subscriptions].map(([DirectoryId, { group, createdAt }]) => ({
            DirectoryId,
            LogGroupName: group,
            SubscriptionCreatedDateTime: createdAt,
          })),
        }),
      },
    },
  };
}
