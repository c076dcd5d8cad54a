/** Keys that sign, by id and by alias, as `docs/guards.md` uses them. */
import { CreateAliasCommand, CreateKeyCommand, KMSClient, SignCommand, VerifyCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { account, allow, clientOf, endpointForTests, failure, region, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new KMSClient(clientOf(endpoint));
const words = { Message: Buffer.from('a decision'), MessageType: 'RAW', SigningAlgorithm: 'ECDSA_SHA_256' } as const;
const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeyUsage: 'SIGN_VERIFY', KeySpec: 'ECC_NIST_P256' }));
const { KeyId = '', Arn = '' } = KeyMetadata ?? {};
const alias = 'alias/approvals';
await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyId }));

describe('keys', () => {
  test.each([alias, `arn:aws:kms:${region}:${account}:${alias}`])('GIVEN an alias WHEN %s signs THEN its key has', async (name) => {
    const signed = await client.send(new SignCommand({ KeyId: name, ...words }));
    expect(signed.KeyId).toBe(Arn);
    const { Signature } = signed;
    expect(await client.send(new VerifyCommand({ KeyId, Signature, ...words }))).toMatchObject({ SignatureValid: true });
  });

  test('GIVEN a role with the right to the key WHEN it signs by alias THEN the right counts; without it, it is denied', async () => {
    const signAs = async (name: string, resource: string) => {
      const credentials = endpoint.credentialsFor(roleAllowed(endpoint, name, [allow('kms:Sign', resource)]), 'test');
      return await new KMSClient(clientOf(endpoint, credentials)).send(new SignCommand({ KeyId: alias, ...words }));
    };
    expect((await signAs('approver', Arn)).KeyId).toBe(Arn);
    expect(await failure(signAs('stranger', Arn.replace(KeyId, 'another')))).toMatchObject({ name: 'AccessDeniedException' });
  });

  test('fails for an alias that is not there, and for a second key of its name', async () => {
    expect(await failure(client.send(new SignCommand({ KeyId: 'alias/none', ...words })))).toMatchObject({ name: 'NotFoundException' });
    const again = client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyId }));
    expect(await failure(again)).toMatchObject({ name: 'AlreadyExistsException' });
  });
});
