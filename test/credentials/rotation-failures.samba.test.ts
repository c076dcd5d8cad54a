/** What keeps a rotation from going on: each ends in a clear reason, and the credential that consumers read still logs on. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CredentialError } from '../../handlers/credentials/credential-error.ts';
import type { Credential } from '../../handlers/credentials/credential-store.ts';
import { rotate, steps } from '../../handlers/credentials/rotation.ts';
import { changeAttribute, newPassword, unicodePassword } from '../../sandbox/domain-controller/population.ts';
import { nameOf, type Rotating, RotationWorld } from './rotation-world.ts';

const world = new RotationWorld();
/** Why it failed. Neither the error nor what was logged holds a password of the store. */
async function failureOf({ store, logged, ledger }: Rotating, work: (version: string) => Promise<void>): Promise<string> {
  const version = randomUUID();
  const error = await work(version).then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason as Error,
  );
  const kept = [await store.current(), await store.previous(), await store.read(version)];
  for (const one of kept) {
    if (one === undefined) continue;
    expect(JSON.stringify([error.message, error.stack, String(error.cause), logged, [...ledger.entries]])).not.toContain(
      one.credential.password,
    );
  }
  return error.message;
}

const single = (credential: Credential) => world.rotating({ kind: 'single', account: nameOf(credential) }, credential);
const reset = (credential: Credential) =>
  world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, credential);
const rotating = (one: Rotating) => failureOf(one, (version) => rotate(one.deps(), version));

describe('fails', () => {
  test('WHEN nobody has put a value, and says what to put', async () => {
    const one = world.rotating({ kind: 'single', account: 'svc-nobody' }, undefined);
    expect(await rotating(one)).toMatch(/has no value yet: put \{"username"/);
  });

  test('WHEN the account is missing', async () => {
    const credential = { username: 'svc-missing@corp.example.com', password: newPassword() };
    expect(await rotating(reset(credential))).toMatch(/account "svc-missing" is not in the directory .*: create it, or correct its name/);
    expect(await rotating(single(credential))).toMatch(/refused "svc-missing@corp.example.com"/);
  });

  test.each<[string, (name: string) => Promise<void>, { single: RegExp; reset: RegExp }]>([
    [
      'disabled',
      (name) => world.change(name, 'userAccountControl', ['514']),
      { single: /account disabled \(data 533\): mend the account/, reset: /is disabled: enable it/ },
    ],
    [
      'expired',
      (name) => world.change(name, 'accountExpires', ['132000000000000000']),
      { single: /account expired \(data 701\): mend the account/, reset: /has expired: move its accountExpires/ },
    ],
    [
      'locked out',
      async (name) => {
        for (let bind = 1; bind <= 7; bind += 1) await world.binds({ username: `${name}@corp.example.com`, password: 'wrong' });
      },
      { single: /account locked out \(data 775\): mend the account/, reset: /is locked out: unlock it/ },
    ],
  ])('WHEN the account is %s, with its reason and not the password', async (_, spoil, reasons) => {
    for (const [kind, make] of [
      ['single', single],
      ['reset', reset],
    ] as const) {
      const credential = await world.account();
      await spoil(nameOf(credential));
      const one = make(credential);
      expect(await rotating(one)).toMatch(reasons[kind]);
      expect((await one.store.current())?.credential).toEqual(credential);
    }
  });

  test('WHEN its password has to be changed at the next log-on', async () => {
    const credential = await world.account();
    await world.change(nameOf(credential), 'pwdLastSet', ['0']);
    expect(await rotating(single(credential))).toMatch(/password must be changed|data 773/);
  });

  test('WHEN the stored password is wrong: nothing is made, and the remedy is told', async () => {
    const credential = await world.account();
    const one = single({ ...credential, password: newPassword() });
    expect(await rotating(one)).toMatch(
      /refused "svc-\d+@corp.example.com": wrong user name or password \(data 52e\): put the right password/,
    );
    expect(await world.binds(credential)).toBe(true);
    expect(await one.store.pending()).toBeUndefined();
  });

  test('WHEN somebody else changed it and the old one still binds for a while: nothing is called rotated', async () => {
    const credential = await world.account();
    const one = single(credential);
    await world.changeOutside(nameOf(credential), newPassword());
    const reason = await rotating(one);
    expect(reason).toMatch(/somebody else changed it \(00000056\)|wrong user name or password/);
    expect((await one.store.current())?.credential).toEqual(credential);
    expect(one.published).toEqual([]);
  });

  test('WHEN the policy wants a longer password than the settings THEN the policy is followed, also a fine-grained one', async () => {
    const credential = await world.account();
    const name = nameOf(credential);
    const settings = `CN=Long,CN=Password Settings Container,CN=System,${world.controller.baseDn}`;
    await world.admin.add(settings, {
      objectClass: ['top', 'msDS-PasswordSettings'],
      'msDS-PasswordSettingsPrecedence': '1',
      'msDS-PasswordReversibleEncryptionEnabled': 'FALSE',
      'msDS-PasswordHistoryLength': '24',
      'msDS-PasswordComplexityEnabled': 'TRUE',
      'msDS-MinimumPasswordLength': '40',
      'msDS-MinimumPasswordAge': '0',
      'msDS-MaximumPasswordAge': '-9223372036854775808',
      'msDS-LockoutThreshold': '0',
      'msDS-LockoutObservationWindow': '-18000000000',
      'msDS-LockoutDuration': '-18000000000',
      'msDS-PSOAppliesTo': world.dnOf(name),
    });
    // The delegated account may read the policies, as the connector's may; the account itself may not, and falls back to the domain's.
    await world.controller.dsacl(
      `CN=Password Settings Container,CN=System,${world.controller.baseDn}`,
      `(A;CI;LCRPLORC;;;${await world.sidOf('svc-reset')})`,
    );
    const one = reset(credential);
    await rotate(one.deps(), randomUUID());
    expect((await one.store.current())?.credential.password).toHaveLength(40);
    const blind = single((await one.store.current())?.credential ?? credential);
    expect(await rotating(blind)).toMatch(/too short, not complex.*\(0000052D\): compare the settings with the account's password policy/);
    expect(await world.binds((await blind.store.current())?.credential ?? credential)).toBe(true);
  });

  test('WHEN the password is too young for a change, before anything is made, and says until when', async () => {
    // One day, in AD's form of a span (MS-ADTS section 3.1.1.3.4.4).
    await world.policy({ minPwdAge: '-864000000000' });
    try {
      const credential = await world.account();
      const one = single(credential);
      expect(await rotating(one)).toMatch(/may not change its password before \d{4}-.*: the policy's minimum age: wait/);
      expect(await one.store.pending()).toBeUndefined();
      // A reset does not wait.
      const other = reset(credential);
      await rotate(other.deps(), randomUUID());
      expect(other.published).toHaveLength(1);
    } finally {
      await world.policy({ minPwdAge: '0' });
    }
  });

  test('WHEN the delegated account has no right to reset it', async () => {
    const password = newPassword();
    await world.admin.add(`CN=svc-elsewhere,CN=Users,${world.controller.baseDn}`, {
      objectClass: ['top', 'person', 'organizationalPerson', 'user'],
      sAMAccountName: 'svc-elsewhere',
      unicodePwd: unicodePassword(password) as never,
      userAccountControl: '512',
    });
    const credential = { username: `svc-elsewhere@${world.controller.domain}`, password };
    expect(await rotating(reset(credential))).toMatch(/no right to \(50\): grant the delegated account "Reset password" on it/);
    expect(await world.binds(credential)).toBe(true);
  });

  test('WHEN the delegated account may not read whether the account is disabled', async () => {
    const credential = await world.account();
    // userAccountControl, by its schemaIDGUID (MS-ADA3 section 2.342).
    const deny = `(OD;;RP;bf967a68-0de6-11d0-a285-00aa003049e2;;${await world.sidOf('svc-reset')})`;
    await world.controller.dsacl(world.dnOf(nameOf(credential)), deny);
    expect(await rotating(reset(credential))).toMatch(/userAccountControl of account ".*" may not be read .*: grant whoever rotates it/);
    expect(await world.binds(credential)).toBe(true);
  });

  test("WHEN the user name in the secret is another account's", async () => {
    const [credential, other] = [await world.account(), await world.account()];
    const one = world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, other);
    expect(await rotating(one)).toMatch(new RegExp(`holds the user name "${other.username}", which is none of ${nameOf(credential)}`));
  });

  test('WHEN another object claims its user principal name or a service principal name', async () => {
    const credential = await world.account(undefined);
    const name = nameOf(credential);
    await world.change(name, 'servicePrincipalName', [`HTTP/${name}.corp.example.com`]);
    const twin = nameOf(await world.account());
    // A domain controller refuses a duplicate that it sees; two may each take one, and then replicate.
    await world.writeLocally(twin, { userPrincipalName: credential.username });
    expect(await rotating(reset(credential))).toMatch(
      new RegExp(`"${credential.username}" of account "${name}" is also a name of CN=${twin},`),
    );
  });

  test('WHEN a right that it has to have is missing after the change: it is not made current, and the next run goes on with the same password', async () => {
    const credential = await world.account();
    const one = world.rotating({ kind: 'reset', account: nameOf(credential), resetBy: 'arn:delegated' }, credential, {
      test: { reads: [], replicates: true },
    });
    const version = randomUUID();
    const error = await rotate(one.deps(), version).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CredentialError);
    expect(String(error)).toMatch(/may not read changes at .*: grant it "Replicating Directory Changes"/);
    const pending = await one.store.read(version);
    expect((await one.store.current())?.credential).toEqual(credential);
    await world.controller.grantDirSync(await world.sidOf(nameOf(credential)));
    await rotate(one.deps(), version);
    expect((await one.store.current())?.credential).toEqual(pending?.credential);
  });

  test('WHEN an object that it has to read cannot be read', async () => {
    const credential = await world.account();
    const one = world.rotating({ kind: 'single', account: nameOf(credential) }, credential, {
      test: { reads: [`OU=Nowhere,${world.controller.baseDn}`], replicates: false },
    });
    expect(await rotating(one)).toMatch(/may not read "OU=Nowhere,/);
  });

  test('WHEN a step comes before its time', async () => {
    const one = single(await world.account());
    expect(await failureOf(one, (version) => steps.setSecret(one.deps(), version))).toMatch(/has no value: start the rotation anew/);
    expect(await failureOf(one, (version) => steps.finishSecret(one.deps(), version))).toMatch(/was not tested: start the rotation anew/);
  });
});

describe('alternating accounts', () => {
  const pair = async (differences: 'refuse' | 'report' = 'refuse') => {
    const [first, second] = [await world.account(), await world.account()];
    const one = world.rotating(
      { kind: 'alternating', accounts: [nameOf(first), nameOf(second)], resetBy: 'arn:delegated', differences },
      first,
    );
    return { one, first, second };
  };

  test('GIVEN one that is in a group that the other is not in WHEN it would become current THEN that is refused, or reported, as the team wants', async () => {
    const group = `CN=Batch-${randomUUID().slice(0, 8)},${world.unitDn}`;
    await world.admin.add(group, { objectClass: ['top', 'group'], sAMAccountName: group.slice(3, 17) });
    for (const differences of ['refuse', 'report'] as const) {
      const { one, first } = await pair(differences);
      await changeAttribute(world.admin, group, 'add', 'member', [world.dnOf(nameOf(first))]);
      if (differences === 'refuse') {
        expect(await rotating(one)).toContain(`is not in the same groups as the one that is current (-${group})`);
        expect((await one.store.current())?.credential).toEqual(first);
        continue;
      }
      await rotate(one.deps(), randomUUID());
      expect(one.published).toMatchObject([{ change: { differences: [`-${group}`] } }]);
    }
  });

  test('fails WHEN one has a service principal name, which tickets are made for with one key alone', async () => {
    const { one, second } = await pair();
    await world.change(nameOf(second), 'servicePrincipalName', [`HTTP/${nameOf(second)}.corp.example.com`]);
    expect(await rotating(one)).toMatch(/has the service principal name "HTTP\/svc-\d+.*rotate it with the strategy single or reset/);
  });

  test('fails WHEN the idle one is to change its own password and the store never had it', async () => {
    const [first, second] = [await world.account(), await world.account()];
    const one = world.rotating({ kind: 'alternating', accounts: [nameOf(first), nameOf(second)], differences: 'refuse' }, first);
    expect(await rotating(one)).toMatch(new RegExp(`the store has no password of account "${nameOf(second)}": put one there`));
  });

  test('WHEN it rotates THEN the one that was current still logs on, and the user name keeps its form', async () => {
    const { one, first, second } = await pair();
    await rotate(one.deps(), randomUUID());
    expect((await one.store.current())?.credential.username).toBe(second.username);
    expect(await world.binds(first)).toBe(true);
    const current = (await one.store.current())?.credential;
    expect(current && (await world.binds(current))).toBe(true);
  });
});
