/** A credential in AWS Secrets Manager: staging labels say what is current, previous and pending. */
import { isDeepStrictEqual } from 'node:util';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RotateSecretCommand,
  type SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { RetryableError } from '../platform/errors.ts';
import { CredentialError } from './credential-error.ts';
import { type Credential, type CredentialStore, credentialRemedy, parseCredentialText, type StoredCredential } from './credential-store.ts';

const currentLabel = 'AWSCURRENT';
const previousLabel = 'AWSPREVIOUS';
const pendingLabel = 'AWSPENDING';

/** Labels by version id: a version that RotateSecret has just labelled is among them, without a value. */
type Labels = Readonly<Record<string, readonly string[]>>;

const holderOf = (labels: Labels, label: string): string | undefined =>
  Object.keys(labels).find((version) => labels[version]?.includes(label));

/**
 * @param client retries what may pass by itself: only what is left then becomes a RetryableError
 * @param secretArn its value is a JSON object with username and password
 */
export function secretsManagerStore(client: Pick<SecretsManagerClient, 'send'>, secretArn: string): CredentialStore {
  const SecretId = secretArn;

  async function labels(): Promise<Labels> {
    const described = await client.send(new DescribeSecretCommand({ SecretId })).catch((error) => {
      throw failure('DescribeSecret', secretArn, error);
    });
    return described.VersionIdsToStages ?? {};
  }

  async function value(of: { readonly VersionId: string } | { readonly VersionStage: string }): Promise<StoredCredential | undefined> {
    let found: { readonly VersionId?: string | undefined; readonly SecretString?: string | undefined };
    try {
      found = await client.send(new GetSecretValueCommand({ SecretId, ...of }));
    } catch (error) {
      if (!(error instanceof ResourceNotFoundException)) throw failure('GetSecretValue', secretArn, error);
      // Secrets Manager says so of a value and of the whole secret alike: the latter cannot be described either.
      await labels();
      return undefined;
    }
    return { version: found.VersionId ?? '', credential: parseCredentialText(secretArn, found.SecretString ?? '') };
  }

  async function move(label: string, from: string | undefined, to: string | undefined): Promise<void> {
    const MoveToVersionId = to === undefined ? {} : { MoveToVersionId: to };
    const RemoveFromVersionId = from === undefined ? {} : { RemoveFromVersionId: from };
    const moving = new UpdateSecretVersionStageCommand({ SecretId, VersionStage: label, ...MoveToVersionId, ...RemoveFromVersionId });
    await client.send(moving).catch((error) => {
      // Who holds the label was read just before: somebody moved it in between.
      if (isNamed(error, 'InvalidParameterException', 'InvalidRequestException', 'ResourceNotFoundException'))
        throw new RetryableError(`${secretArn}: label ${label} was moved by somebody else meanwhile (${error.name})`, { cause: error });
      throw failure('UpdateSecretVersionStage', secretArn, error);
    });
  }

  return {
    place: secretArn,
    current: () => value({ VersionStage: currentLabel }),
    previous: () => value({ VersionStage: previousLabel }),
    read: (version) => value({ VersionId: version }),

    async pending() {
      const all = await labels();
      const version = holderOf(all, pendingLabel);
      if (version === undefined) return undefined;
      const own = all[version] ?? [];
      // The first value of a secret is current from the start ("If this operation creates the first version for the secret, then Secrets
      // Manager automatically attaches the staging label AWSCURRENT to it", PutSecretValue): it still has to be promoted.
      const isFirst = own.includes(currentLabel) && holderOf(all, previousLabel) === undefined;
      return isPromoted(own) && !isFirst ? undefined : version;
    },

    async putPending(version, credential) {
      let stages: readonly string[] | undefined;
      try {
        const input = { SecretId, ClientRequestToken: version, SecretString: JSON.stringify(credential), VersionStages: [pendingLabel] };
        stages = (await client.send(new PutSecretValueCommand(input))).VersionStages;
      } catch (error) {
        if (!(error instanceof ResourceExistsException)) throw putFailure(secretArn, error);
        await checkSame(secretArn, version, credential, await value({ VersionId: version }));
      }
      if (stages?.includes(pendingLabel)) return;
      // A repeated put changes nothing ("the request is ignored", PutSecretValue), not even the label that a later version took.
      const all = await labels();
      const own = all[version] ?? [];
      if (!own.includes(pendingLabel) && !isPromoted(own)) await move(pendingLabel, holderOf(all, pendingLabel), version);
    },

    async promote(version) {
      const all = await labels();
      // As previous it was current already, and somebody has put another value since: a repeat leaves that alone.
      if (!isPromoted(all[version] ?? [])) {
        if ((await value({ VersionId: version })) === undefined)
          throw new CredentialError(`version ${version} of ${secretArn} has no value`, 'start the rotation again');
        // Takes AWSPREVIOUS to the version that was current (UpdateSecretVersionStage); moved by others meanwhile, it is refused.
        await move(currentLabel, holderOf(all, currentLabel), version);
      }
      // Left where it is it would make RotateSecret believe that this rotation is still under way.
      if (all[version]?.includes(pendingLabel)) await move(pendingLabel, version, undefined);
    },
  };
}

const isPromoted = (labels: readonly string[]): boolean => labels.includes(currentLabel) || labels.includes(previousLabel);

async function checkSame(place: string, version: string, credential: Credential, kept: StoredCredential | undefined): Promise<void> {
  if (isDeepStrictEqual(kept?.credential, credential)) return;
  throw new CredentialError(`version ${version} of ${place} has another value already`, 'start the rotation again');
}

const isNamed = (error: unknown, ...names: readonly string[]): error is Error => error instanceof Error && names.includes(error.name);

/** What a person can do, by the error's name (Secrets Manager API Reference, "Errors" of each action and "Common Errors"). */
const remedies: Readonly<Record<string, string>> = {
  ResourceNotFoundException: 'create it, or deploy the function with its ARN',
  AccessDeniedException: "allow the function's role this call on the secret, and its key in the key's policy",
  DecryptionFailure: "enable the secret's key and allow the function's role to decrypt with it",
  EncryptionFailure: "enable the secret's key and allow the function's role to encrypt with it",
  InvalidRequestException: 'restore it if it is marked for deletion',
  InvalidParameterException: credentialRemedy,
  LimitExceededException: 'wait until Secrets Manager has removed old versions, and rotate less often',
};

/** Names of throttling at AWS ("Common Error Types"), and what a client makes of a connection that failed. */
const passing = /Throttl|TooManyRequests|RequestLimitExceeded|InternalService|InternalFailure|ServiceUnavailable|Timeout|ExpiredToken/;

/** @param says whether AWS's own message may be shown: of a request with a value it may quote it */
function failure(call: string, secretArn: string, error: unknown, says = true): Error {
  const { name = 'unknown error', message = '', $metadata } = error as Partial<Error> & { $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  const told = `${call} of ${secretArn} failed: ${name}${says && message ? ` (${message})` : ''}`;
  const options = says ? { cause: error } : {};
  const passes = status === undefined || status >= 500 || status === 429 || passing.test(name);
  return passes ? new RetryableError(told, options) : new CredentialError(told, remedies[name] ?? 'look the error up', options);
}

const putFailure = (secretArn: string, error: unknown): Error => failure('PutSecretValue', secretArn, error, false);

/**
 * Has Secrets Manager begin a rotation under that version; asked for again, it is the same one (API Reference, RotateSecret).
 *
 * @throws RetryableError while another rotation is in progress
 */
export async function requestRotation(client: Pick<SecretsManagerClient, 'send'>, secretArn: string, version: string): Promise<void> {
  await client.send(new RotateSecretCommand({ SecretId: secretArn, ClientRequestToken: version })).catch((error) => {
    if (isNamed(error, 'InvalidRequestException', 'ResourceExistsException'))
      throw new RetryableError(`${secretArn} cannot begin a rotation now (${error.name}: ${error.message})`, { cause: error });
    throw failure('RotateSecret', secretArn, error);
  });
}
