/** A SCIM server that takes a token of AWS in place of a secret: the zip proves its role's identity, and the server checks it as it should. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditTrail } from '../../sandbox/audit-trail.ts';
import { isSignedBy, readToken } from '../../sandbox/json-web-token.ts';
import { type ScimServer, startScimServer } from '../../sandbox/scim-server.ts';
import { until } from '../../sandbox/waiting.ts';
import { desired, grantOf } from '../roles/desired.ts';
import { account, type RunningTargets, runningTargets } from './running-targets.ts';

const audience = 'https://wiki.example.com';
const target = 'wiki';
const decided = () => {
  const { profiles, ...item } = desired(1, {});
  const [profile] = Object.values(profiles);
  if (profile === undefined) throw new Error('nobody is decided on');
  return { ...item, profiles: { [target]: profile }, grants: { 'wiki/editors': grantOf('editors', undefined, target) } };
};

interface Trust {
  readonly issuer: string;
  readonly keys: readonly { readonly kid: string }[];
}

/** What an OpenID Connect relying party checks (OpenID Connect Core section 3.1.3.7), and that it is a role whom it knows. */
function isTrusted(token: string, { issuer, keys }: Trust, expected: string): boolean {
  const read = readToken(token);
  const key = read && keys.find(({ kid }) => kid === read.header.kid);
  if (read === undefined || key === undefined || !isSignedBy(read, key as never)) return false;
  const { iss, aud, exp, sub } = read.claims;
  const roles = ['sync-roles', 'reconcile'].map((part) => `arn:aws:iam::${account}:role/ad-lambda-test-${part}-wiki`);
  return iss === issuer && aud === expected && Number(exp) * 1000 > Date.now() && roles.includes(String(sub));
}

async function provingWorld(expected: string): Promise<{ readonly server: ScimServer; readonly world: RunningTargets }> {
  let trust: Trust | undefined;
  const server = await startScimServer({ accepts: (token) => trust !== undefined && isTrusted(token, trust, expected) });
  const world = await runningTargets({
    target: { name: target, scim: { endpoint: server.url, authentication: { webIdentity: { audience } } } },
    internet: [new URL(server.url).host],
  });
  const { IssuerIdentifier: issuer } = await world.endpoint.call('operator', 'iam', 'GetOutboundWebIdentityFederationInfo', {});
  const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, unknown>;
  const { jwks_uri } = await json(`${String(issuer)}/.well-known/openid-configuration`);
  trust = { issuer: String(issuer), keys: (await json(String(jwks_uri))).keys as Trust['keys'] };
  return { server, world };
}

const asked = ({ endpoint }: RunningTargets) => endpoint.calls.filter(({ operation }) => operation === 'GetWebIdentityToken');

describe('GIVEN a server that trusts the account’s issuer', () => {
  let server: ScimServer;
  let world: RunningTargets;
  beforeAll(async () => {
    ({ server, world } = await provingWorld(audience));
  }, 60_000);
  afterAll(async () => {
    await world?.stop();
    await server?.close();
  });

  it('WHEN a role is decided THEN sync-roles makes it so with a token for that audience, of five minutes, and with no secret', async () => {
    await world.decide(target, decided());
    await world.runtime.idle();
    expect([...server.users.values()].map(({ userName }) => userName)).toEqual(['ada@corp.example.com']);
    expect([...server.groups.values()].map(({ displayName, members }) => [displayName, (members as []).length])).toEqual([['editors', 1]]);
    const [first] = asked(world);
    expect(first).toMatchObject({
      outcome: 'ok',
      authorizations: [
        {
          action: 'sts:GetWebIdentityToken',
          context: { 'sts:IdentityTokenAudience': [audience], 'sts:DurationSeconds': '300', 'sts:SigningAlgorithm': 'RS256' },
        },
      ],
    });
    const token = readToken(String(server.requests.at(-1)?.headers.authorization).replace(/^Bearer /, ''));
    expect(token?.claims).toMatchObject({
      aud: audience,
      'https://sts.amazonaws.com/': {
        aws_account: account,
        lambda_source_function_arn: `arn:aws:lambda:eu-central-2:${account}:function:ad-lambda-test-sync-roles-wiki`,
      },
    });
    expect(world.endpoint.calls.filter(({ operation }) => operation === 'GetSecretValue')).toEqual([]);
  });

  it('WHEN reconcile runs THEN it lists with a token of its own role', async () => {
    const { functionError, payload } = await world.runtime.invoke('reconcile-wiki', { now: true, mode: 'report' });
    expect([functionError, payload]).toEqual([undefined, expect.objectContaining({ state: 'completed' })]);
    const token = readToken(String(server.requests.at(-1)?.headers.authorization).replace(/^Bearer /, ''));
    expect(token?.claims.sub).toBe(`arn:aws:iam::${account}:role/ad-lambda-test-reconcile-wiki`);
  });

  it('THEN no token is in any log or event', async () => {
    const tokens = server.requests.map(({ headers }) => String(headers.authorization).split('.').at(-1) ?? '');
    const { logGroups } = await world.endpoint.call('operator', 'logs', 'DescribeLogGroups', {});
    for (const { logGroupName } of logGroups as { logGroupName: string }[]) {
      const { events } = await world.endpoint.call('operator', 'logs', 'FilterLogEvents', { logGroupName });
      for (const one of new Set(tokens)) expect(JSON.stringify(events)).not.toContain(one);
    }
    expect(tokens.length).toBeGreaterThan(0);
  });
});

describe('GIVEN a server for another audience', () => {
  let server: ScimServer;
  let world: RunningTargets;
  beforeAll(async () => {
    ({ server, world } = await provingWorld('https://other.example.com'));
  }, 60_000);
  afterAll(async () => {
    await world?.stop();
    await server?.close();
  });

  it('fails: it takes no token, nothing is made, and the failure is told', async () => {
    await world.decide(target, decided());
    const failed = await until('RoleChangeFailed', async () => (await auditTrail(world)).find(({ type }) => type === 'RoleChangeFailed'));
    expect(failed.change).toMatchObject({ target, reason: expect.stringContaining('401') });
    expect([server.users.size, server.groups.size]).toEqual([0, 0]);
    expect(asked(world).every(({ outcome }) => outcome === 'ok')).toBe(true);
  });
});
