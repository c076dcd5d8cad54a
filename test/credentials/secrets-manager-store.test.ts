import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { describe, expect, test } from 'vitest';
import { CredentialError } from '../../handlers/credentials/credential-error.ts';
import { secretsManagerStore } from '../../handlers/credentials/secrets-manager-store.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { AwsError } from '../../sandbox/aws/endpoint.ts';
import { type CallWatch, watching } from '../platform/watched-calls.ts';
import { allow, clientOf, endpointForTests, roleAllowed } from '../sandbox/aws/endpoint-fixture.ts';
import { credentialOf, credentialStoreContract, refusal } from './credential-store-contract.ts';

const endpoint = await endpointForTests();
const client = new SecretsManagerClient(clientOf(endpoint));

async function newSecret(): Promise<string> {
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: `ad/${randomUUID()}` }));
  return ARN;
}

/** What the store's calls need, and nothing else: the contract holds with that. */
const needed = ['DescribeSecret', 'GetSecretValue', 'PutSecretValue', 'UpdateSecretVersionStage'].map((name) => `secretsmanager:${name}`);

function storeOf(secretArn: string, watch: CallWatch = {}) {
  const role = roleAllowed(endpoint, 'rotation', [allow(needed, secretArn)]);
  const own = new SecretsManagerClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
  const send = ((command: Parameters<typeof own.send>[0]) => own.send(command)) as SecretsManagerClient['send'];
  return secretsManagerStore(watching(watch).wrap({ send }), secretArn);
}

const putByHand = (secretArn: string, SecretString: string) =>
  client.send(new PutSecretValueCommand({ SecretId: secretArn, SecretString }));

async function open() {
  const secretArn = await newSecret();
  return {
    open: (watch?: CallWatch) => storeOf(secretArn, watch),
    putByHand: async (value: unknown) => {
      await putByHand(secretArn, JSON.stringify(value));
    },
    consumed: async () => JSON.parse((await client.send(new GetSecretValueCommand({ SecretId: secretArn }))).SecretString ?? ''),
  };
}

credentialStoreContract('in Secrets Manager', open);

describe('what Secrets Manager answers', () => {
  test('GIVEN a promotion THEN AWSPENDING is on no version, so that RotateSecret can begin again', async () => {
    const secretArn = await newSecret();
    const id = randomUUID();
    await putByHand(secretArn, JSON.stringify(credentialOf('old')));
    await storeOf(secretArn).putPending(id, credentialOf('new'));
    await storeOf(secretArn).promote(id);
    const { VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId: secretArn }));
    expect(Object.values(VersionIdsToStages).flat().toSorted()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
  });

  test('GIVEN RotateSecret has labelled a version that has no value yet THEN it is pending, and reads as none', async () => {
    const labels = { announced: ['AWSPENDING'], old: ['AWSCURRENT'] };
    // As RotateSecret leaves a secret: the label is there, and GetSecretValue finds nothing ("Lambda rotation functions", create_secret).
    const send = (async (command: object) => {
      if (command instanceof DescribeSecretCommand) return { VersionIdsToStages: labels };
      throw new ResourceNotFoundException({ message: "can't find the specified secret value", $metadata: { httpStatusCode: 400 } });
    }) as SecretsManagerClient['send'];
    const store = secretsManagerStore({ send }, 'arn:aws:secretsmanager:eu-central-2:111122223333:secret:ad/svc-AbCdEf');
    expect([await store.pending(), await store.read('announced')]).toEqual(['announced', undefined]);
    await refusal(store.promote('announced'), CredentialError);
  });

  test('fails GIVEN there is no such secret, or it is marked for deletion, and says so', async () => {
    const secretArn = await newSecret();
    const gone = `${secretArn.slice(0, -6)}Absent`;
    expect((await refusal(storeOf(gone).current(), CredentialError)).message).toContain('create it');
    expect((await refusal(storeOf(gone).pending(), CredentialError)).message).toContain(gone);
    await client.send(new DeleteSecretCommand({ SecretId: secretArn }));
    expect((await refusal(storeOf(secretArn).current(), CredentialError)).message).toContain('restore it');
  });

  test.each([
    ['text', 'hunter2'],
    ['half of it', '{"username":"svc","password":"hunter2'],
    ['a list', '["hunter2"]'],
  ])('fails GIVEN %s instead of a JSON object, and shows none of it', async (_, text) => {
    const secretArn = await newSecret();
    await putByHand(secretArn, text);
    expect((await refusal(storeOf(secretArn).current(), CredentialError)).message).toContain(secretArn);
  });

  test('fails GIVEN bytes', async () => {
    const secretArn = await newSecret();
    await client.send(new PutSecretValueCommand({ SecretId: secretArn, SecretBinary: Buffer.from('hunter2') }));
    await refusal(storeOf(secretArn).current(), CredentialError);
  });

  test.each([
    ['throttled', { throttle: true } as const, RetryableError],
    ['failing', { error: new AwsError('InternalServiceError', 'An error occurred on the server side.', 500) }, RetryableError],
    ['cut off', { loseResponse: true } as const, RetryableError],
    ['out of reach of its key', { error: new AwsError('DecryptionFailure', "can't decrypt the protected secret text") }, CredentialError],
    ['full', { error: new AwsError('LimitExceededException', 'hunter2 exceeds a quota') }, CredentialError],
  ])('fails GIVEN Secrets Manager is %s: retried or told, and no value in it', async (_, effect, kind) => {
    const secretArn = await newSecret();
    await putByHand(secretArn, JSON.stringify(credentialOf('hunter2')));
    const store = storeOf(secretArn);
    const inject = (operation: string) => endpoint.inject({ match: (call) => call.operation === operation, effect });
    inject('PutSecretValue');
    const error = await refusal(store.putPending(randomUUID(), credentialOf('hunter2-new')), kind);
    expect(error.message).toMatch(/^PutSecretValue of arn:/);
    if (kind === RetryableError) {
      inject('GetSecretValue');
      await refusal(store.current(), kind);
      inject('DescribeSecret');
      await refusal(store.pending(), kind);
    }
  });

  test('fails GIVEN the role may not, naming the call', async () => {
    const secretArn = await newSecret();
    await putByHand(secretArn, JSON.stringify(credentialOf('hunter2')));
    const role = roleAllowed(endpoint, 'reader', [allow('secretsmanager:GetSecretValue', secretArn)]);
    const reader = new SecretsManagerClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test')));
    const error = await refusal(secretsManagerStore(reader, secretArn).putPending(randomUUID(), credentialOf('hunter2')), CredentialError);
    expect(error.message).toContain('AccessDeniedException');
    expect(error.message).toContain("allow the function's role");
  });
});
