/** Who gets in with which token: AssumeRoleWithWebIdentity against an issuer that signs real ones, and forged ones. */
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Statement } from '../../../sandbox/aws/iam/index.ts';
import type { Claims } from '../../../sandbox/json-web-token.ts';
import { startTokenServer, usualAudience, usualSubject } from '../../../sandbox/token-server.ts';
import { account, clientOf, failure } from './endpoint-fixture.ts';
import { webIdentityWorld } from './web-identity-world.ts';

const world = await webIdentityWorld({ clientIds: [usualAudience, 'other-audience'] });
const { endpoint, issuer, name, providerArn } = world;

const trusting = (condition: Statement['Condition'], more: Partial<Statement> = {}): Statement => ({
  Effect: 'Allow',
  Principal: { Federated: providerArn },
  Action: 'sts:AssumeRoleWithWebIdentity',
  ...(condition ? { Condition: condition } : {}),
  ...more,
});
const pinned = { [`${name}:aud`]: usualAudience, [`${name}:sub`]: usualSubject };
const role = world.role('deploy', [trusting({ StringEquals: pinned })]);
const refusal = async (token: string, roleArn = role) => (await failure(world.assumeWithWebIdentity(roleArn, token))).name;
const now = () => Math.floor(Date.now() / 1000);
const tags = (principal_tags: object, transitive_tag_keys: readonly string[] = []): Claims => ({
  'https://aws.amazon.com/tags': { principal_tags, transitive_tag_keys },
});
const flat = (principalTags: Claims, transitive: Claims = {}): Claims => ({
  ...Object.fromEntries(Object.entries(principalTags).map(([key, value]) => [`https://aws.amazon.com/tags/principal_tags/${key}`, value])),
  ...Object.fromEntries(Object.entries(transitive).map(([name, value]) => [`https://aws.amazon.com/tags/${name}`, value])),
});

beforeEach(() => {
  issuer.down = false;
});

describe('a right token', () => {
  test.each(['RS256', 'ES256'] as const)(
    'GIVEN %s WHEN it comes without a signature of AWS THEN the credentials are the role’s',
    async (algorithm) => {
      const answer = await world.assumeWithWebIdentity(role, issuer.token({}, { algorithm }));
      expect(answer).toMatchObject({ SubjectFromWebIdentityToken: usualSubject, Audience: usualAudience, Provider: providerArn });
      const { AccessKeyId = '', SecretAccessKey = '', SessionToken = '' } = answer.Credentials ?? {};
      const client = new STSClient(
        clientOf(endpoint, { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken }),
      );
      expect(await client.send(new GetCallerIdentityCommand({}))).toMatchObject({
        Account: account,
        Arn: `arn:aws:sts::${account}:assumed-role/deploy/deploy`,
      });
    },
  );

  test('GIVEN several audiences WHEN azp says which is meant THEN that one is the key, and the first the key oaud', async () => {
    const own = world.role('several', [trusting({ StringEquals: { [`${name}:aud`]: usualAudience, [`${name}:oaud`]: 'first' } })]);
    await world.assumeWithWebIdentity(own, issuer.token({ aud: ['first', usualAudience], azp: usualAudience }));
  });

  test('GIVEN amr WHEN the trust policy asks for a second factor THEN only a token with it gets in', async () => {
    const strict = world.role('strict', [trusting({ 'ForAnyValue:StringEquals': { [`${name}:amr`]: 'mfa' }, StringEquals: pinned })]);
    await world.assumeWithWebIdentity(strict, issuer.token({ amr: ['pwd', 'mfa'] }));
    expect(await refusal(issuer.token({ amr: ['pwd'] }), strict)).toBe('AccessDenied');
    expect(await refusal(issuer.token(), strict)).toBe('AccessDenied');
  });

  test('GIVEN a pattern for the subject WHEN tokens of two branches come THEN the one that matches gets in', async () => {
    const main = world.role('main', [trusting({ StringLike: { [`${name}:sub`]: 'repo:example/*:ref:refs/heads/main' } })]);
    await world.assumeWithWebIdentity(main, issuer.token());
    expect(await refusal(issuer.token({ sub: 'repo:example/platform:ref:refs/heads/try' }), main)).toBe('AccessDenied');
  });

  test('GIVEN new keys of the issuer WHEN it publishes old and new THEN tokens of both are good, and the old ones no more once withdrawn', async () => {
    const old = issuer.token();
    issuer.rotateKeys();
    await world.assumeWithWebIdentity(role, old);
    await world.assumeWithWebIdentity(role, issuer.token());
    issuer.withdrawOldKeys();
    expect(await refusal(old)).toBe('InvalidIdentityTokenException');
    await world.assumeWithWebIdentity(role, issuer.token());
  });

  test('GIVEN a token that ended within the five minutes for clocks that differ THEN it is good', async () => {
    await world.assumeWithWebIdentity(role, issuer.token({ exp: now() - 240 }));
  });

  test('GIVEN an issuer on loopback WHEN it is registered by its own URL THEN its port is a part of the keys’ names', async () => {
    const local = await startTokenServer();
    const arn = await world.registerProvider(local.issuer);
    const host = new URL(local.url).host;
    expect(arn).toBe(`arn:aws:iam::${account}:oidc-provider/${host}`);
    const trust = { Effect: 'Allow', Principal: { Federated: arn }, Action: 'sts:AssumeRoleWithWebIdentity' } as const;
    const own = world.role('local', [{ ...trust, Condition: { StringEquals: { [`${host}:sub`]: usualSubject } } }]);
    await world.assumeWithWebIdentity(own, local.token());
    await local.close();
    expect(await refusal(local.token(), own)).toBe('IDPCommunicationErrorException');
  });
});

describe('fails', () => {
  test.each<[string, () => string, string]>([
    ['another audience, which the provider does not know', () => issuer.token({ aud: 'somebody-else' }), 'InvalidIdentityTokenException'],
    ['an audience of the provider that the role does not trust', () => issuer.token({ aud: 'other-audience' }), 'AccessDenied'],
    ['several audiences without azp', () => issuer.token({ aud: [usualAudience, 'other-audience'] }), 'InvalidIdentityTokenException'],
    ['no audience', () => issuer.token({ aud: undefined }), 'InvalidIdentityTokenException'],
    ['another subject', () => issuer.token({ sub: 'repo:example/platform:ref:refs/heads/try' }), 'AccessDenied'],
    ['a subject in another case', () => issuer.token({ sub: usualSubject.toUpperCase() }), 'AccessDenied'],
    ['no subject', () => issuer.token({ sub: undefined }), 'IDPRejectedClaimException'],
    ['another issuer', () => issuer.token({ iss: 'https://idp.example.com/other' }), 'InvalidIdentityTokenException'],
    ['an issuer that begins like it', () => issuer.token({ iss: `${issuer.issuer}.example.org` }), 'InvalidIdentityTokenException'],
    ['no issuer', () => issuer.token({ iss: undefined }), 'InvalidIdentityTokenException'],
    ['one that has ended', () => issuer.token({ iat: now() - 900, exp: now() - 301 }), 'ExpiredTokenException'],
    ['one without an end', () => issuer.token({ exp: undefined }), 'InvalidIdentityTokenException'],
    ['an end in words', () => issuer.token({ exp: 'never' }), 'InvalidIdentityTokenException'],
    ['one that is not valid yet', () => issuer.token({ nbf: now() + 600 }), 'InvalidIdentityTokenException'],
    ['one that was issued in the future', () => issuer.token({ iat: now() + 600 }), 'InvalidIdentityTokenException'],
    ['alg none', () => issuer.forged.unsigned(), 'InvalidIdentityTokenException'],
    ['HS256 with the public key', () => issuer.forged.signedWithPublicKey(), 'InvalidIdentityTokenException'],
    ['another key of that id', () => issuer.forged.signedWithOtherKey(), 'InvalidIdentityTokenException'],
    ['a key that is not published', () => issuer.forged.signedWithUnknownKey(), 'InvalidIdentityTokenException'],
    ['no key id', () => issuer.forged.withoutKeyId(), 'InvalidIdentityTokenException'],
    ['claims that were changed', () => issuer.forged.altered({ sub: usualSubject }), 'InvalidIdentityTokenException'],
    ['no token', () => 'this-is-no-token', 'InvalidIdentityTokenException'],
    ['a token in two parts', () => issuer.token().split('.').slice(0, 2).join('.'), 'InvalidIdentityTokenException'],
  ])('for %s', async (_, token, code) => {
    expect(await refusal(token())).toBe(code);
  });

  test('for an issuer that does not answer, and says that it is worth another try', async () => {
    issuer.down = true;
    const error = await failure(world.assumeWithWebIdentity(role, issuer.token()));
    expect(error).toMatchObject({ name: 'IDPCommunicationErrorException' });
    expect(error.message).toContain('503');
  });

  test('for an issuer beyond loopback: nothing leaves the machine', async () => {
    const far = 'https://far.example.com';
    const arn = await world.registerProvider(far);
    const own = world.role('far', [{ Effect: 'Allow', Principal: { Federated: arn }, Action: 'sts:AssumeRoleWithWebIdentity' }]);
    const error = await failure(world.assumeWithWebIdentity(own, issuer.token({ iss: far })));
    expect(error.name).toBe('IDPCommunicationErrorException');
    expect(error.message).toContain('resolveIssuer');
  });

  test.each([
    ['names another issuer', { issuer: 'https://idp.example.com' }],
    ['names no keys', { jwks_uri: undefined }],
    ['has its keys at a path that is not there', { jwks_uri: 'https://odd.example.com/none' }],
  ])('for a discovery document that %s', async (_, discovered) => {
    const odd = await startTokenServer({ issuer: 'https://odd.example.com', discovered });
    endpoint.resolveIssuer(odd.issuer, odd.url);
    const arn = `arn:aws:iam::${account}:oidc-provider/odd.example.com`;
    await world.registerProvider(odd.issuer).catch(() => arn);
    const own = world.role('odd', [{ Effect: 'Allow', Principal: { Federated: arn }, Action: 'sts:AssumeRoleWithWebIdentity' }]);
    expect(await refusal(odd.token(), own)).toBe('InvalidIdentityTokenException');
    await odd.close();
  });

  test('for a role that trusts another provider, a service, or roles alone', async () => {
    const others: readonly Statement[] = [
      trusting(undefined, { Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/idp.example.com` } }),
      trusting(undefined, { Principal: { Service: 'lambda.amazonaws.com' } }),
      trusting(undefined, { Principal: { AWS: `arn:aws:iam::${account}:root` } }),
      trusting(undefined, { Action: 'sts:AssumeRole' }),
    ];
    for (const statement of others) expect(await refusal(issuer.token(), world.role('others', [statement]))).toBe('AccessDenied');
  });

  test('for a role that is not there, as for one that does not trust', async () => {
    expect(await refusal(issuer.token(), `arn:aws:iam::${account}:role/ghost`)).toBe('AccessDenied');
  });

  test('for a role of another account: its own providers count', async () => {
    const foreign = 'arn:aws:iam::444455556666:role/deploy';
    endpoint.defineRole({ arn: foreign, trustPolicy: { Statement: [trusting({ StringEquals: pinned })] }, policies: [] });
    expect(await refusal(issuer.token(), foreign)).toBe('InvalidIdentityTokenException');
  });

  test('for a denial, whatever else allows it', async () => {
    const denied = world.role('denied', [
      trusting({ StringEquals: pinned }),
      trusting({ StringEquals: { [`${name}:sub`]: usualSubject } }, { Effect: 'Deny' }),
    ]);
    expect(await refusal(issuer.token(), denied)).toBe('AccessDenied');
  });

  test('for claims that are no condition keys: a policy that relies on them lets nobody in', async () => {
    const byGroup = world.role('by-group', [trusting({ StringEquals: { ...pinned, [`${name}:groups`]: 'admins' } })]);
    expect(await refusal(issuer.token({ groups: 'admins' }), byGroup)).toBe('AccessDenied');
  });

  test('for a session longer than the role allows, or shorter than any', async () => {
    const long = world.role('long', [trusting({ StringEquals: pinned })], { maxSessionSeconds: 7200 });
    await world.assumeWithWebIdentity(long, issuer.token(), { durationSeconds: 7200 });
    for (const durationSeconds of [7201, 899])
      expect((await failure(world.assumeWithWebIdentity(long, issuer.token(), { durationSeconds }))).name).toBe('ValidationError');
  });

  test('for another session name than the trust policy wants', async () => {
    const own = world.role('session', [trusting({ StringEquals: { ...pinned, 'sts:RoleSessionName': 'deploy' } })]);
    await world.assumeWithWebIdentity(own, issuer.token());
    expect((await failure(world.assumeWithWebIdentity(own, issuer.token(), { sessionName: 'other' }))).name).toBe('AccessDenied');
  });

  test('for any other call without a signature', async () => {
    const body = `Action=AssumeRole&Version=2011-06-15&RoleSessionName=s1&RoleArn=${encodeURIComponent(role)}`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await fetch(endpoint.url, { method: 'POST', headers, body });
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining('MissingAuthenticationToken')]);
  });
});

describe('session tags of a token', () => {
  const tagged = trusting(
    {
      StringEquals: { ...pinned, 'aws:RequestTag/team': ['identity', 'network'] },
      'ForAllValues:StringEquals': { 'aws:TagKeys': ['team'] },
    },
    { Action: ['sts:AssumeRoleWithWebIdentity', 'sts:TagSession'] },
  );
  const byTag = () => {
    const arn = `arn:aws:iam::${account}:role/by-tag`;
    const mine = {
      Effect: 'Allow',
      Action: 'sqs:CreateQueue',
      Resource: '*',
      Condition: { StringEquals: { 'aws:PrincipalTag/team': 'identity' } },
    } as const;
    endpoint.defineRole({
      arn,
      trustPolicy: { Version: '2012-10-17', Statement: [tagged] },
      policies: [{ name: 'own', document: { Version: '2012-10-17', Statement: [mine] } }],
      tags: { Team: 'everybody' },
    });
    return arn;
  };
  const callAs = async (token: string) => {
    const { Credentials: given } = await world.assumeWithWebIdentity(byTag(), token);
    const { SQSClient, CreateQueueCommand } = await import('@aws-sdk/client-sqs');
    const credentials = {
      accessKeyId: given?.AccessKeyId ?? '',
      secretAccessKey: given?.SecretAccessKey ?? '',
      sessionToken: given?.SessionToken ?? '',
    };
    return new SQSClient(clientOf(endpoint, credentials)).send(new CreateQueueCommand({ QueueName: 'of-a-team' }));
  };

  test.each([
    ['nested', (team: string) => tags({ team: [team] })],
    ['flat', (team: string) => flat({ team })],
  ])('GIVEN %s ones WHEN the role trusts them THEN they are the session’s, before the role’s own of that name', async (_, claims) => {
    await callAs(issuer.token(claims('identity')));
    expect((await failure(callAs(issuer.token(claims('network'))))).name).toMatch(/AccessDenied/);
  });

  test('GIVEN transitive ones in either form WHEN the role trusts none that outlive it THEN it is not opened', async () => {
    const once = world.role('once', [{ ...tagged, Condition: { ...tagged.Condition, Null: { 'sts:TransitiveTagKeys': 'true' } } }]);
    await world.assumeWithWebIdentity(once, issuer.token(flat({ team: 'identity' })));
    for (const claims of [tags({ team: ['identity'] }, ['team']), flat({ team: 'identity' }, { transitive_tag_keys: ['team'] })])
      expect(await refusal(issuer.token(claims), once)).toBe('AccessDenied');
  });

  test.each<[string, Claims, string]>([
    ['another value than it trusts', tags({ team: ['finance'] }), 'AccessDenied'],
    ['another key beside', tags({ team: ['identity'], admin: ['true'] }), 'AccessDenied'],
    ['two values', tags({ team: ['identity', 'network'] }), 'IDPRejectedClaimException'],
    ['a value that is no list', tags({ team: 'identity' }), 'IDPRejectedClaimException'],
    ['a transitive key that is no tag’s', tags({ team: ['identity'] }, ['other']), 'ValidationError'],
    ['a key twice, in two cases', tags({ team: ['identity'], Team: ['network'] }), 'ValidationError'],
    ['another value than it trusts, flat', flat({ team: 'finance' }), 'AccessDenied'],
    ['another key beside, flat', flat({ team: 'identity', admin: 'true' }), 'AccessDenied'],
    ['two values, flat', flat({ team: ['identity', 'network'] }), 'IDPRejectedClaimException'],
    ['a key twice, in two cases, flat', flat({ team: 'identity', Team: 'network' }), 'ValidationError'],
    ['no key, flat', flat({ '': 'identity' }), 'ValidationError'],
    ['a transitive key that is no tag’s, flat', flat({ team: 'identity' }, { transitive_tag_keys: ['other'] }), 'ValidationError'],
    ['transitive keys that are no list', flat({ team: 'identity' }, { transitive_tag_keys: 'team' }), 'IDPRejectedClaimException'],
    ['both forms', { ...tags({ team: ['identity'] }), ...flat({ team: 'identity' }) }, 'NotImplemented'],
    ['a claim of AWS that the sandbox does not know', flat({}, { other: 'identity' }), 'NotImplemented'],
    ['a claim that is no object', { 'https://aws.amazon.com/tags': 'team=identity' }, 'IDPRejectedClaimException'],
  ])('fails for %s', async (_, claims, code) => {
    expect(await refusal(issuer.token(claims), byTag())).toBe(code);
  });

  test('fails without sts:TagSession in the trust policy', async () => {
    expect(await refusal(issuer.token(tags({ team: ['identity'] })))).toBe('AccessDenied');
  });

  test('fails without the tag that the trust policy asks for', async () => {
    expect(await refusal(issuer.token(), byTag())).toBe('AccessDenied');
  });
});
