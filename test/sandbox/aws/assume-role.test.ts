/** AssumeRole: external ids, session tags and their chains, lifetimes, and roles of other accounts, where both sides have to allow it. */
import { AssumeRoleCommand, type AssumeRoleCommandInput, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { describe, expect, test } from 'vitest';
import type { Credentials } from '../../../sandbox/aws/endpoint.ts';
import type { Statement } from '../../../sandbox/aws/iam/index.ts';
import { account, allow, clientOf, endpointForTests, failure, roleAllowed } from './endpoint-fixture.ts';

const otherAccount = '444455556666';
const endpoint = await endpointForTests({ identityCenterAccount: otherAccount });
const foreignArn = (name: string) => `arn:aws:iam::${otherAccount}:role/${name}`;
const both = ['sts:AssumeRole', 'sts:TagSession'];

const caller = (name: string, statements: Statement[]) => ({ name, arn: roleAllowed(endpoint, name, statements) });
const clientAs = (credentials: Credentials) => new STSClient(clientOf(endpoint, credentials));
const assume = async (credentials: Credentials, input: Partial<AssumeRoleCommandInput> & { RoleArn: string }): Promise<Credentials> => {
  const { Credentials: given } = await clientAs(credentials).send(new AssumeRoleCommand({ RoleSessionName: 'assumed', ...input }));
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  };
};
const refusal = async (credentials: Credentials, input: Partial<AssumeRoleCommandInput> & { RoleArn: string }) =>
  (await failure(assume(credentials, input))).name;
const trust = (principal: string, Condition?: Statement['Condition'], Action: string[] = both): Statement => ({
  Effect: 'Allow',
  Principal: { AWS: principal },
  Action,
  ...(Condition ? { Condition } : {}),
});
const define = (arn: string, statements: Statement[], policies: Statement[] = [], more: { maxSessionSeconds?: number } = {}) => {
  const document = (all: Statement[]) => ({ Version: '2012-10-17', Statement: all });
  const own = policies.length > 0 ? [{ name: 'own', document: document(policies) }] : [];
  endpoint.defineRole({ arn, trustPolicy: document(statements), policies: own, ...more });
  return arn;
};

describe('across accounts', () => {
  const sync = caller('sync', [allow(both, [foreignArn('access'), foreignArn('closed'), foreignArn('chained')])]);
  const untold = caller('untold', []);
  const credentials = endpoint.credentialsFor(sync.arn, 'sync');
  const externalId = 'f3b1c9e2-integration';
  const access = define(
    foreignArn('access'),
    [trust(sync.arn, { StringEquals: { 'sts:ExternalId': externalId } }), trust(untold.arn)],
    [
      allow('identitystore:ListUsers', [
        `arn:aws:identitystore::${otherAccount}:identitystore/d-1234567890`,
        'arn:aws:identitystore:::user/*',
      ]),
    ],
  );

  test('GIVEN both sides allow WHEN the external id is right THEN the session is of the other account', async () => {
    const session = await assume(credentials, { RoleArn: access, ExternalId: externalId });
    expect(await clientAs(session).send(new GetCallerIdentityCommand({}))).toMatchObject({
      Account: otherAccount,
      Arn: `arn:aws:sts::${otherAccount}:assumed-role/access/assumed`,
    });
  });

  test.each([
    ['another external id', { ExternalId: 'guessed' }],
    ['no external id', {}],
  ])('fails for %s', async (_, given) => {
    expect(await refusal(credentials, { RoleArn: access, ...given })).toBe('AccessDenied');
  });

  test.each(['with space', 'x', 'x'.repeat(1225)])(
    'fails for an external id that is none, and does not repeat it: %#',
    async (ExternalId) => {
      const error = await failure(assume(credentials, { RoleArn: access, ExternalId }));
      expect(error.name).toBe('ValidationError');
      expect(error.message).not.toContain(`'${ExternalId}'`);
    },
  );

  test('fails without a policy of the caller’s own, though the other account trusts it', async () => {
    expect(await refusal(endpoint.credentialsFor(untold.arn, 'untold'), { RoleArn: access })).toBe('AccessDenied');
  });

  test('fails where the other account does not trust, though the caller’s own policy allows', async () => {
    const closed = define(foreignArn('closed'), [trust(untold.arn)]);
    expect(await refusal(credentials, { RoleArn: closed })).toBe('AccessDenied');
    expect(await refusal(credentials, { RoleArn: foreignArn('ghost') })).toBe('AccessDenied');
  });

  test('GIVEN Identity Center in the other account THEN the session reads it, and the caller itself does not whatever its policies say', async () => {
    const { IdentitystoreClient, ListUsersCommand } = await import('@aws-sdk/client-identitystore');
    const list = (own: Credentials) =>
      new IdentitystoreClient(clientOf(endpoint, own)).send(new ListUsersCommand({ IdentityStoreId: 'd-1234567890' }));
    await list(await assume(credentials, { RoleArn: access, ExternalId: externalId }));
    const everything = caller('everything', [allow('identitystore:*', '*')]);
    expect((await failure(list(endpoint.credentialsFor(everything.arn, 's')))).name).toBe('AccessDeniedException');
  });

  test('fails for what is of the first account: the session’s policies do not reach over', async () => {
    const wide = define(foreignArn('chained'), [trust(sync.arn)], [allow('sqs:*', '*')]);
    const session = await assume(credentials, { RoleArn: wide });
    const { SQSClient, ListQueuesCommand } = await import('@aws-sdk/client-sqs');
    expect((await failure(new SQSClient(clientOf(endpoint, session)).send(new ListQueuesCommand({})))).name).toMatch(/AccessDenied/);
  });
});

describe('within the account', () => {
  test('GIVEN a trust policy that names the role THEN no policy of its own is needed; one that names the account delegates to it', async () => {
    const plain = caller('plain', []);
    const credentials = endpoint.credentialsFor(plain.arn, 'plain');
    const named = define(`arn:aws:iam::${account}:role/named`, [trust(plain.arn)]);
    await assume(credentials, { RoleArn: named });
    const delegated = define(`arn:aws:iam::${account}:role/delegated`, [trust(`arn:aws:iam::${account}:root`)]);
    expect(await refusal(credentials, { RoleArn: delegated })).toBe('AccessDenied');
    const told = caller('told', [allow('sts:AssumeRole', delegated)]);
    await assume(endpoint.credentialsFor(told.arn, 'told'), { RoleArn: delegated });
  });

  test('fails for a role whose trust policy AWS would have refused', async () => {
    const odd = define(`arn:aws:iam::${account}:role/odd`, [{ ...trust(account), Resource: '*' }]);
    const assumed = endpoint.call('operator', 'sts', 'AssumeRole', { RoleArn: odd, RoleSessionName: 'odd' });
    await expect(assumed).rejects.toThrow('a trust policy is about its own role');
  });
});

describe('session tags', () => {
  const root = caller('tagging', [allow(both, `arn:aws:iam::${account}:role/*`)]);
  const credentials = endpoint.credentialsFor(root.arn, 'tagging');
  const tagged = {
    StringEquals: { 'aws:RequestTag/Target': 'staff' },
    'ForAllValues:StringEquals': { 'aws:TagKeys': ['Target', 'Function'] },
  };
  const first = define(`arn:aws:iam::${account}:role/first`, [trust(root.arn, tagged)], [allow(both, `arn:aws:iam::${account}:role/*`)]);
  const Target = { Key: 'Target', Value: 'staff' };

  test('GIVEN the tag that the trust policy wants THEN it is allowed', async () => {
    await assume(credentials, { RoleArn: first, Tags: [Target] });
  });

  test.each([
    ['without the tag', {}],
    ['with another value', { Tags: [{ Key: 'Target', Value: 'wiki' }] }],
    ['with a key that is not listed', { Tags: [Target, { Key: 'Admin', Value: 'yes' }] }],
  ])('fails %s', async (_, given) => {
    expect(await refusal(credentials, { RoleArn: first, ...given })).toBe('AccessDenied');
  });

  test('fails without sts:TagSession on either side', async () => {
    const untrusted = define(`arn:aws:iam::${account}:role/untagged`, [trust(root.arn, undefined, ['sts:AssumeRole'])]);
    expect(await refusal(credentials, { RoleArn: untrusted, Tags: [Target] })).toBe('AccessDenied');
    const untold = caller('untagging', [allow('sts:AssumeRole', foreignArn('tagged'))]);
    const foreign = define(foreignArn('tagged'), [trust(untold.arn)]);
    const own = endpoint.credentialsFor(untold.arn, 'untagging');
    await assume(own, { RoleArn: foreign });
    expect(await refusal(own, { RoleArn: foreign, Tags: [Target] })).toBe('AccessDenied');
  });

  test('GIVEN a transitive tag WHEN roles are chained THEN the next session has it, and cannot be given another', async () => {
    const second = define(
      `arn:aws:iam::${account}:role/second`,
      [trust(first, { StringEquals: { 'aws:PrincipalTag/Target': 'staff' } })],
      [allow('sts:AssumeRole', `arn:aws:iam::${account}:role/third`)],
    );
    const third = define(`arn:aws:iam::${account}:role/third`, [trust(second, { StringEquals: { 'aws:PrincipalTag/Target': 'staff' } })]);
    const transitive = await assume(credentials, { RoleArn: first, Tags: [Target], TransitiveTagKeys: ['Target'] });
    await assume(await assume(transitive, { RoleArn: second }), { RoleArn: third });
    expect(await refusal(transitive, { RoleArn: second, Tags: [{ Key: 'target', Value: 'wiki' }] })).toBe('ValidationError');
    // Without it the second session has no such tag.
    const plain = await assume(credentials, { RoleArn: first, Tags: [Target] });
    expect(await refusal(await assume(plain, { RoleArn: second }), { RoleArn: third })).toBe('AccessDenied');
  });

  test.each([
    ['a key twice', { Tags: [Target, { Key: 'target', Value: 'b' }] }],
    ['a key of AWS’s own', { Tags: [{ Key: 'aws:x', Value: 'b' }] }],
    ['a value too long', { Tags: [{ Key: 'Target', Value: 'x'.repeat(257) }] }],
    ['more than fifty', { Tags: Array.from({ length: 51 }, (_, index) => ({ Key: `k${index}`, Value: 'v' })) }],
    ['a transitive key that is not passed', { Tags: [Target], TransitiveTagKeys: ['Other'] }],
  ])('fails for %s', async (_, given) => {
    expect(await refusal(credentials, { RoleArn: first, ...given })).toBe('ValidationError');
  });
});

describe('lifetimes', () => {
  const root = caller('living', [allow('sts:AssumeRole', '*')]);
  const long = define(`arn:aws:iam::${account}:role/long-lived`, [trust(root.arn), trust(`arn:aws:iam::${account}:root`)], [], {
    maxSessionSeconds: 7200,
  });
  const short = define(`arn:aws:iam::${account}:role/short-lived`, [trust(root.arn), trust(`arn:aws:iam::${account}:root`)]);
  const asOperator = (RoleArn: string, DurationSeconds: number) =>
    endpoint.call('operator', 'sts', 'AssumeRole', { RoleArn, RoleSessionName: 'operator', DurationSeconds });

  test('GIVEN a role of two hours WHEN a role assumes it THEN an hour is the most, as it is a chain', async () => {
    await asOperator(long, 7200);
    const credentials = endpoint.credentialsFor(root.arn, 'living');
    await assume(credentials, { RoleArn: long, DurationSeconds: 3600 });
    const error = await failure(assume(credentials, { RoleArn: long, DurationSeconds: 3601 }));
    expect([error.name, error.message]).toEqual(['ValidationError', expect.stringContaining('role chaining')]);
  });

  test.each([
    ['longer than the role allows', 3601],
    ['under a quarter of an hour', 899],
  ])('fails for %s', async (_, seconds) => {
    expect(await failure(asOperator(short, seconds))).toMatchObject({ code: 'ValidationError' });
  });
});
