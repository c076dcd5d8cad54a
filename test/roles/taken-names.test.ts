/** User names at IAM Identity Center that somebody else holds: another person of the directory, or nobody of ours. */
import { afterAll, expect, test } from 'vitest';
import type { Profile } from '../../handlers/access/grants.ts';
import { TargetConflictError } from '../../handlers/roles/target.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { identityCenterWorld } from './identity-center-world.ts';

const endpoint = await endpointForTests();
const center = identityCenterWorld(endpoint);

afterAll(() => center.close());

const domain = 'corp.example.com';
const mark = (number: number) => ({ domain, guid: `00000000-0000-4000-8000-00000000000${number}` });
const named = (userName: string): Profile => ({ userName, displayName: userName, givenName: userName, familyName: userName });

test('GIVEN two people who swap their user names WHEN each is tried again THEN each has the own name, at the same account', async () => {
  const target = center.target();
  const [a, b] = [await target.createAccount(mark(1), named('sa')), await target.createAccount(mark(2), named('sb'))];
  await expect(target.updateAccount(a.id, named('sa'), named('sb'))).rejects.toThrow(TargetConflictError);
  await target.updateAccount(b.id, named('sb'), named('sa'));
  await target.updateAccount(a.id, named('sa'), named('sb'));
  const { accounts } = await center.look();
  expect(accounts).toMatchObject([
    { id: a.id, profile: { userName: 'sb' }, mark: mark(1).guid },
    { id: b.id, profile: { userName: 'sa' }, mark: mark(2).guid },
  ]);
});

test("fails for a name that another person's account holds, and never offers to hand that account over", async () => {
  const target = center.target();
  const failure = await target.findAccount(mark(3), named('sb'), undefined).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TargetConflictError);
  const { message, remedy } = failure as TargetConflictError;
  expect(message).toContain(`is the account of another person of the directory (active-directory:${domain}, ${mark(1).guid})`);
  expect(remedy).not.toContain('external id');
});

test('fails for a name that a user of nobody holds, and keeps the own one', async () => {
  const target = center.target();
  await center.unmarkedAccount(named('by-hand'));
  const account = await target.createAccount(mark(4), named('sd'));
  await expect(target.updateAccount(account.id, named('sd'), named('by-hand'))).rejects.toThrow(TargetConflictError);
  const { accounts } = await center.look();
  expect(accounts.find(({ id }) => id === account.id)).toMatchObject({ profile: { userName: 'sd' } });
});
