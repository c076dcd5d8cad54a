import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { describe, expect, test } from 'vitest';
import { account, allow, clientOf, endpointForTests, failure, region, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new SecretsManagerClient(clientOf(endpoint));
let secrets = 0;

async function newSecret(SecretString?: string, more: object = {}): Promise<string> {
  secrets += 1;
  const created = await client.send(
    new CreateSecretCommand({ Name: `ad/service-${secrets}`, ...(SecretString ? { SecretString } : {}), ...more }),
  );
  return created.ARN ?? '';
}
const get = (SecretId: string, more: object = {}) => client.send(new GetSecretValueCommand({ SecretId, ...more }));

describe('secrets', () => {
  test('GIVEN a secret without a value WHEN read THEN it is not found; with one THEN by name and by ARN', async () => {
    const arn = await newSecret();
    expect(arn).toMatch(new RegExp(`^arn:aws:secretsmanager:${region}:${account}:secret:ad/service-${secrets}-[A-Za-z]{6}$`));
    expect(await failure(get(arn))).toMatchObject({
      name: 'ResourceNotFoundException',
      message: "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    });
    await client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: 'one' }));
    expect((await get(arn)).SecretString).toBe('one');
    expect((await get(`ad/service-${secrets}`)).VersionStages).toEqual(['AWSCURRENT']);
  });

  test('GIVEN a rotation WHEN the pending version becomes current THEN the old one is the previous', async () => {
    const arn = await newSecret('old');
    const oldId = (await get(arn)).VersionId;
    const ClientRequestToken = '11111111-1111-4111-8111-111111111111';
    await client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: 'new', ClientRequestToken, VersionStages: ['AWSPENDING'] }));
    expect((await get(arn)).SecretString).toBe('old');
    expect((await get(arn, { VersionStage: 'AWSPENDING' })).SecretString).toBe('new');
    const move = (RemoveFromVersionId?: string) =>
      client.send(
        new UpdateSecretVersionStageCommand({
          SecretId: arn,
          VersionStage: 'AWSCURRENT',
          MoveToVersionId: ClientRequestToken,
          RemoveFromVersionId,
        }),
      );
    expect((await failure(move())).name).toBe('InvalidParameterException');
    await move(oldId);
    expect((await get(arn)).SecretString).toBe('new');
    expect((await get(arn, { VersionStage: 'AWSPREVIOUS' })).SecretString).toBe('old');
    const { VersionIdsToStages } = await client.send(new DescribeSecretCommand({ SecretId: arn }));
    expect(VersionIdsToStages?.[ClientRequestToken]?.toSorted()).toEqual(['AWSCURRENT', 'AWSPENDING']);
  });

  test('GIVEN the same token WHEN put again THEN the same value is a success and another one fails', async () => {
    const arn = await newSecret();
    const put = (SecretString: string) =>
      client.send(new PutSecretValueCommand({ SecretId: arn, SecretString, ClientRequestToken: '22222222-2222-4222-8222-222222222222' }));
    expect((await put('a')).VersionId).toBe((await put('a')).VersionId);
    expect((await failure(put('b'))).name).toBe('ResourceExistsException');
  });

  test('GIVEN bytes WHEN stored THEN the same bytes come back', async () => {
    const arn = await newSecret();
    await client.send(new PutSecretValueCommand({ SecretId: arn, SecretBinary: new Uint8Array([0, 1, 255]) }));
    expect((await get(arn)).SecretBinary).toEqual(new Uint8Array([0, 1, 255]));
  });

  test('GIVEN secrets WHEN listed THEN without their values; deleted THEN not at all, and reading fails', async () => {
    const arn = await newSecret('not-in-the-list');
    const listed = await client.send(new ListSecretsCommand({}));
    expect(listed.SecretList?.map((secret) => secret.ARN)).toContain(arn);
    expect(JSON.stringify(listed)).not.toContain('not-in-the-list');
    await client.send(new DeleteSecretCommand({ SecretId: arn }));
    expect((await client.send(new ListSecretsCommand({}))).SecretList?.map((secret) => secret.ARN)).not.toContain(arn);
    expect((await failure(get(arn))).name).toBe('InvalidRequestException');
  });

  test('fails GIVEN a name that is taken, or a secret that is not there', async () => {
    await newSecret();
    expect((await failure(client.send(new CreateSecretCommand({ Name: `ad/service-${secrets}` })))).name).toBe('ResourceExistsException');
    expect((await failure(get('nowhere'))).name).toBe('ResourceNotFoundException');
  });
});

test('GIVEN a secret under a customer managed key WHEN read THEN the reader needs the secret and the key, and the key must delegate', async () => {
  const KeyId = '33333333-3333-4333-8333-333333333333';
  const keyArn = `arn:aws:kms:${region}:${account}:key/${KeyId}`;
  const delegating = {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'kms:*', Resource: '*' }],
  };
  await endpoint.call('operator', 'kms', 'CreateKey', { KeyId, Policy: JSON.stringify(delegating) });
  const arn = await newSecret('sealed', { KmsKeyId: keyArn });
  const readWith = (...statements: ReturnType<typeof allow>[]) => {
    const role = roleAllowed(endpoint, 'secret-reader', statements);
    return new SecretsManagerClient(clientOf(endpoint, endpoint.credentialsFor(role, 'test'))).send(
      new GetSecretValueCommand({ SecretId: arn }),
    );
  };
  const [secret, key] = [allow('secretsmanager:GetSecretValue', arn), allow('kms:Decrypt', keyArn)];
  expect((await failure(readWith(secret))).message).toContain('kms:Decrypt');
  expect((await failure(readWith(key))).message).toContain('secretsmanager:GetSecretValue');
  expect((await readWith(secret, key)).SecretString).toBe('sealed');
  await endpoint.call('operator', 'kms', 'CreateKey', {
    KeyId,
    Policy: JSON.stringify({
      ...delegating,
      Statement: [{ Effect: 'Allow', Principal: { Service: 'logs.amazonaws.com' }, Action: 'kms:*', Resource: '*' }],
    }),
  });
  expect((await failure(readWith(secret, key))).name).toBe('AccessDeniedException');
});
