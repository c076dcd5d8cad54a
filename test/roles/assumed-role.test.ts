/** Credentials of the role in another account: asked for once, shared, and renewed before the SDK would have to. */

import { IdentitystoreClient, ListUsersCommand } from '@aws-sdk/client-identitystore';
import type { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { describe, expect, test, vi } from 'vitest';
import { assumedRole } from '../../handlers/roles/targets/identity-center/assumed-role.ts';

const role = {
  roleArn: 'arn:aws:iam::444455556666:role/identity-center',
  externalId: '6f1c1f0e-3a55-4f2b',
  target: 'staff',
  opener: { environment: 'prod', function: 'sync-roles' },
} as const;

const start = Date.parse('2026-01-01T00:00:00Z');

/** STS, and a clock that a test turns. */
function world(clock?: () => number) {
  const asked: AssumeRoleCommand['input'][] = [];
  const issuedAt: number[] = [];
  let time = start;
  const now = () => clock?.() ?? time;
  let answer: (number: number) => object | Promise<never> = (number) => ({
    AccessKeyId: `ASIA${number}`,
    SecretAccessKey: 'secret',
    SessionToken: `session-${number}`,
    Expiration: new Date(now() + 900_000),
  });
  const send = async ({ input }: AssumeRoleCommand) => {
    asked.push(input);
    issuedAt.push(now());
    return { Credentials: await answer(asked.length) };
  };
  return {
    asked,
    /** Epoch milliseconds, of each session. */
    issuedAt,
    credentials: assumedRole({ send } as never, role, () => new Date(now())),
    pass: (seconds: number) => {
      time += seconds * 1000;
    },
    answers: (next: typeof answer) => {
      answer = next;
    },
  };
}

test('WHEN asked THEN the request names the external id, the session and its three tags, and the shortest lifetime', async () => {
  const { credentials, asked } = world();
  expect(await credentials()).toEqual({
    accessKeyId: 'ASIA1',
    secretAccessKey: 'secret',
    sessionToken: 'session-1',
    expiration: new Date('2026-01-01T00:15:00Z'),
  });
  expect(asked).toEqual([
    {
      RoleArn: role.roleArn,
      ExternalId: role.externalId,
      RoleSessionName: 'prod-sync-roles-staff',
      DurationSeconds: 900,
      Tags: [
        { Key: 'Environment', Value: 'prod' },
        { Key: 'Target', Value: 'staff' },
        { Key: 'Function', Value: 'sync-roles' },
      ],
    },
  ]);
});

test('GIVEN many who ask at once THEN one session serves them all', async () => {
  const { credentials, asked } = world();
  const all = await Promise.all(Array.from({ length: 20 }, () => credentials()));
  expect(new Set(all).size).toBe(1);
  expect(asked).toHaveLength(1);
});

test('GIVEN less than six minutes left THEN the next who ask get one new session together, and before that the old one', async () => {
  const { credentials, asked, pass } = world();
  const first = await credentials();
  pass(539);
  expect(await credentials()).toBe(first);
  pass(1);
  const renewed = await Promise.all([credentials(), credentials()]);
  expect(renewed.map(({ accessKeyId }) => accessKeyId)).toEqual(['ASIA2', 'ASIA2']);
  expect(asked).toHaveLength(2);
});

test('GIVEN a client of the SDK that works for half an hour THEN each call is signed with a session that has minutes left', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: start });
  const { credentials, asked, issuedAt } = world(() => Date.now());
  const ends: number[] = [];
  const client = new IdentitystoreClient({
    region: 'eu-central-1',
    credentials,
    requestHandler: {
      async handle({ headers }: { headers: Record<string, string> }) {
        const number = Number(headers['x-amz-security-token']?.replace('session-', ''));
        ends.push((issuedAt[number - 1] ?? 0) + 900_000 - Date.now());
        return { response: { statusCode: 200, headers: {}, body: Buffer.from('{"Users":[]}') } };
      },
    } as never,
  });
  for (let minute = 0; minute < 30; minute += 1) {
    await client.send(new ListUsersCommand({ IdentityStoreId: 'd-1234567890' }));
    vi.setSystemTime(Date.now() + 60_000);
  }
  client.destroy();
  vi.useRealTimers();
  expect(ends).toHaveLength(30);
  expect(Math.min(...ends)).toBeGreaterThanOrEqual(300_000);
  expect(asked).toHaveLength(3);
});

describe('fails', () => {
  test('GIVEN a denial THEN everybody who waits is told, and the next one asks anew', async () => {
    const { credentials, asked, answers } = world();
    const denied = Object.assign(new Error('not authorized to perform: sts:AssumeRole'), { name: 'AccessDenied' });
    answers(() => Promise.reject(denied));
    const outcomes = await Promise.allSettled([credentials(), credentials()]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(asked).toHaveLength(1);
    await expect(credentials()).rejects.toBe(denied);
    expect(asked).toHaveLength(2);
  });

  test('GIVEN a failure when the session is to be renewed THEN the failure is told, and the one after succeeds', async () => {
    const { credentials, pass, answers } = world();
    await credentials();
    pass(600);
    answers(() => Promise.reject(new Error('throttled')));
    await expect(credentials()).rejects.toThrow('throttled');
    answers((number) => ({
      AccessKeyId: `ASIA${number}`,
      SecretAccessKey: 's',
      SessionToken: 't',
      Expiration: new Date('2026-01-01T02:00:00Z'),
    }));
    expect((await credentials()).accessKeyId).toBe('ASIA3');
  });

  test('GIVEN an answer without credentials THEN the error names the role, and not the external id', async () => {
    const { credentials, answers } = world();
    answers(() => ({}));
    const error = await credentials().catch((one: Error) => one);
    expect(String(error)).toContain(role.roleArn);
    expect(String(error)).not.toContain(role.externalId);
  });
});
