/** Credentials of the role in the other account: a session of a quarter of an hour, shared by the clients and renewed before it ends. */
import { AssumeRoleCommand, type STSClient } from '@aws-sdk/client-sts';
import { type AssumeRoleSettings, sessionTagKeys, type TargetOpener } from './assume-role.ts';

/** The shortest that AWS STS gives (API Reference, AssumeRole). */
const sessionSeconds = 900;
/** The SDK asks for others from five minutes before the end on: what is kept has to be good for longer than that. */
const renewalMs = 360_000;

/** As an SDK client takes it. */
export interface SessionCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
}

export interface AssumedRole extends AssumeRoleSettings {
  readonly target: string;
  readonly opener: TargetOpener;
}

/** @returns a provider of credentials; many who ask at once wait for one answer, and a failure is not kept */
export function assumedRole(
  client: Pick<STSClient, 'send'>,
  { roleArn, externalId, target, opener }: AssumedRole,
  now: () => Date,
): () => Promise<SessionCredentials> {
  const tags = { Environment: opener.environment, Target: target, Function: opener.function };
  const assume = async (): Promise<SessionCredentials> => {
    const { Credentials: given } = await client.send(
      new AssumeRoleCommand({
        RoleArn: roleArn,
        ExternalId: externalId,
        // Shorter than the function's name, which has at most as many characters as a session's name may have.
        RoleSessionName: `${opener.environment}-${opener.function}-${target}`,
        DurationSeconds: sessionSeconds,
        Tags: sessionTagKeys.map((Key) => ({ Key, Value: tags[Key] })),
      }),
    );
    const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = given ?? {};
    if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined || Expiration === undefined)
      throw new Error(`sts gave no credentials of ${roleArn}: try again`);
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken, expiration: Expiration };
  };
  let current: Promise<SessionCredentials> | undefined;
  return async () => {
    const kept = current;
    const known = await kept?.catch(() => undefined);
    if (known !== undefined && known.expiration.getTime() - now().getTime() > renewalMs) return known;
    // Somebody else who waited may be asking for the next one already.
    if (current === undefined || current === kept) {
      const next = assume();
      current = next;
      next.catch(() => {
        if (current === next) current = undefined;
      });
    }
    return await current;
  };
}
