/** The runbooks, tried: each fault is brought about, the page's own commands are run, and its end is reached. One sandbox for all pages. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { App } from 'cdktf';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { EnvironmentStack } from '../../examples/environment-stack.ts';
import { environments } from '../../examples/environments.ts';
import { hourOf } from '../../handlers/audit/segment.ts';
import type { Line } from '../../handlers/operations/status-command/line.ts';
import { readStatus } from '../../handlers/operations/status-command/readers.ts';
import { statusCommand } from '../../handlers/operations/status-command/status-command.ts';
import { AwsError } from '../../sandbox/aws/endpoint.ts';
import type { PolicyDocument } from '../../sandbox/aws/iam/index.ts';
import { changeAttribute, createUser } from '../../sandbox/domain-controller/population.ts';
import { functionSetting } from '../../sandbox/function-setting.ts';
import { identityStoreOf } from '../../sandbox/identity-store.ts';
import { reconcileNow } from '../../sandbox/reconciliation.ts';
import { guidOf } from '../../sandbox/story.ts';
import { until } from '../../sandbox/waiting.ts';
import { restoreObject } from '../directory/samba-operations.ts';
import { createPeople, type PlayedSandbox, playedSandbox } from './played-sandbox.ts';
import { asOperator, commandsOf, missingTools, type Operator, operatorOf, pages, pageText, type Ran } from './runbook.ts';
import { closeHours, emptyTables, setPassword } from './runbook-faults.ts';

const all = pages.flatMap((page) => [...commandsOf(page).keys()].map((block) => `${page} ${block}`));

describe('the pages', () => {
  it('GIVEN a page THEN it says what is seen, what it means, what to do, how it ends and what not to do', () => {
    for (const page of pages.filter((name) => name !== 'README')) {
      for (const part of [/^\*\*You (?:see|need it)\*\*/m, /^\*\*It means\*\*|^## Have it ready$/m, /^## It is over$/m, /^## Do not$/m])
        expect(pageText(page), page).toMatch(part);
      expect(pageText('README')).toContain(`(${page}.md)`);
    }
  });

  it('GIVEN a link of a page THEN its file is there', () => {
    for (const page of pages) {
      for (const [, link = ''] of pageText(page).matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
        const file = join(dirname(`docs/runbooks/${page}.md`), link);
        expect(existsSync(file), `${page}: ${link}`).toBe(true);
      }
    }
  });

  it('region-lost: GIVEN the example WHEN its region is another one THEN it synthesizes, and names the old one nowhere', () => {
    const app = new App();
    const stack = new EnvironmentStack(app, 'dev', (variables) => ({ ...environments.dev(variables), region: 'eu-central-1' }));
    const json = JSON.stringify(stack.toTerraform());
    expect(json).toContain('arn:aws:lambda:eu-central-1:');
    expect(json).not.toContain('eu-central-2');
  });
});

if (missingTools.length === 0) describe('the runbooks in a sandbox', { timeout: 120_000 }, tried);
else {
  console.warn(`${missingTools.join(', ')} not on PATH: the runbooks' commands are not tried`);
  it.skip(`${missingTools.join(', ')} not on PATH`);
}

function tried(): void {
  let played: PlayedSandbox;
  let operator: Operator;
  let dns: readonly string[] = [];
  const target = 'identity-center';
  const [patience, began] = [60_000, hourOf(new Date())];
  const variables = { prefix: 'ad-lambda', environment: 'dev', domain: 'corp.example.com', directory: 'corp', target };

  const succeeded = ({ code, stdout, stderr }: Ran): string => {
    expect(code, stderr).toBe(0);
    return stdout;
  };
  /** What `npm run status` tells, from within the process: the command itself is run as the README has it. */
  const status = async (): Promise<readonly Line[]> => {
    let told = '';
    const out = (text: string) => {
      told += text;
    };
    await statusCommand(['--json'], { out, error: out, now: () => new Date(), read: readStatus });
    return (JSON.parse(told) as { lines: readonly Line[] }).lines;
  };
  const wrong = async () => (await status()).filter((line) => line.status !== 'ok').map(({ of, page }) => [of, page?.split('/').at(-1)]);
  const rolesOf = async (dn: string) => (await played.account(target, dn))?.roles ?? [];
  const secretValue = async (SecretId: string) =>
    String((await played.operator('secretsmanager', 'GetSecretValue', { SecretId })).SecretString);

  beforeAll(async () => {
    played = await playedSandbox({
      environment: 'dev',
      change: ({ targets: [first, ...others], ...props }) => ({
        ...props,
        targets: [{ ...first, guard: { revocations: { hour: { most: 2 } } } }, ...others],
      }),
      beforeFirstPoll: async (population, mappedGroupDn) => {
        dns = await createPeople(population, ['ann', 'ben', 'cid', 'dot', 'eva']);
        await changeAttribute(population.admin, mappedGroupDn, 'add', 'member', dns);
      },
    });
    for (const [name, value] of Object.entries(asOperator(played.sandbox.endpoint, played.sandbox.endpoint.operator)))
      vi.stubEnv(name, value);
    // Nobody sits at a terminal to confirm.
    operator = operatorOf(played.sandbox.endpoint, variables, (commands) => commands.replace(/guard -- reject/, '$& --yes'));
  }, 120_000);

  afterAll(async () => {
    vi.unstubAllEnvs();
    await played?.stop();
  });

  it('README: GIVEN nothing is wrong THEN the status says so, with the documented policy and nothing more', async () => {
    const { endpoint, stack } = played.sandbox;
    const json = /```json\n(.*?)```/s.exec(pageText('README'))?.[1] ?? '';
    const key = functionSetting(stack, 'AUDIT_KEY_ARN');
    const document = JSON.parse(json.replaceAll('ad-lambda-prod', 'ad-lambda-dev').replace(/arn:aws:kms:[^"]+/, key)) as PolicyDocument;
    const arn = 'arn:aws:iam::111122223333:role/on-call';
    endpoint.defineRole({ arn, trustPolicy: { Version: '2012-10-17', Statement: [] }, policies: [{ name: 'look', document }] });
    const onCall = asOperator(endpoint, endpoint.credentialsFor(arn, 'on-call'));
    const told = succeeded(await operator.run('README', 'status', onCall));
    expect(told).toMatch(/^ad-lambda-dev at \S+: all is well$/m);
    expect(told).not.toMatch(/UNKNOWN|ATTENTION|BROKEN/);
  });

  it('deleted-ou: WHEN a unit is deleted and restored THEN its people have their roles again, as the same principals', async () => {
    const { population, controller, mappedGroupDn } = played.sandbox;
    const { admin, usersDn } = population;
    const unit = `OU=Sales,${usersDn}`;
    await admin.add(unit, { objectClass: ['top', 'organizationalUnit'] });
    const zoe = await createUser(admin, unit, 'zoe');
    await played.member('add', mappedGroupDn, [zoe]);
    await played.seen();
    const [unitGuid, guid] = [await guidOf(played.sandbox, unit), await guidOf(played.sandbox, zoe)];
    await admin.del(zoe);
    await admin.del(unit);
    await played.seen();
    expect(await played.view(target).accountOf(guid)).toBeUndefined();

    await restoreObject(admin, controller, unit, unitGuid);
    await restoreObject(admin, controller, zoe, guid);
    // Without the Recycle Bin a restored account has neither password nor groups.
    await setPassword(played.sandbox, zoe);
    await changeAttribute(admin, zoe, 'replace', 'userAccountControl', ['512']);
    await played.member('add', mappedGroupDn, [zoe]);
    expect(succeeded(await operator.run('deleted-ou', 'poll'))).toContain('"outcome":"done"');
    await played.sandbox.runtime.idle();
    expect((await played.view(target).accountOf(guid))?.roles).toEqual(['developers']);
    const told = succeeded(await operator.run('deleted-ou', 'who', { user: 'zoe' }));
    expect(told).toMatch(/no guard holds anything back.*developers at identity-center +granted/s);
    expect(await wrong()).toEqual([]);
  });

  it('guard-tripped: WHEN three lose a role by mistake and two are held back THEN a rejection keeps it', async () => {
    const { mappedGroupDn } = played.sandbox;
    const losers = dns.slice(0, 3);
    const guard = async () => (JSON.parse((await played.command('guard', 'list', '--json')).stdout) as { guard: string }[])[0]?.guard ?? '';
    await played.member('delete', mappedGroupDn, losers);
    await played.seen();
    expect(await wrong()).toEqual([[`guard of ${target}`, 'guard-tripped.md']]);
    const held = await Promise.all(losers.map(rolesOf));
    const kept = losers.filter((_, index) => held[index]?.length);
    expect(kept).toHaveLength(2);
    const user = String(kept[0]?.slice(3, 6));
    const shown = succeeded(await operator.run('guard-tripped', 'show', { guard: await guard(), user }));
    expect(shown).toMatch(new RegExp(`^${user} +${user}@corp\\.example\\.com +developers`, 'm'));
    expect(succeeded(await operator.run('guard-tripped', 'before'))).toMatch(/GroupMemberRemoved/);
    succeeded(await operator.run('guard-tripped', 'reject', { guard: await guard() }));
    await played.sandbox.runtime.idle();
    expect(await wrong()).toEqual([]);
    expect(await Promise.all(kept.map(rolesOf))).toEqual([['developers'], ['developers']]);
    // The mistake is mended.
    await played.member('add', mappedGroupDn, losers);
    await played.seen();
    expect(await Promise.all(losers.map(rolesOf))).toEqual(losers.map(() => ['developers']));
  });

  it('directory-unreachable: WHEN the bind secret is wrong THEN the status says so, and the right one brings what happened meanwhile', async () => {
    const { mappedGroupDn, population } = played.sandbox;
    const right = JSON.stringify({ username: population.bindDn, password: population.bindPassword });
    const SecretId = functionSetting(played.sandbox.stack, 'BIND_SECRET_ARN');
    const SecretString = JSON.stringify({ username: population.bindDn, password: 'Wrong-Horse-1' });
    await played.operator('secretsmanager', 'PutSecretValue', { SecretId, SecretString });
    await played.seen();
    expect(await wrong()).toEqual([['directory corp.example.com', 'directory-unreachable.md']]);
    expect(succeeded(await operator.run('directory-unreachable', 'cause'))).toMatch(/data 52e/);
    const [last = ''] = await createPeople(population, ['hal']);
    await played.member('add', mappedGroupDn, [last]);
    succeeded(await operator.run('directory-unreachable', 'secret', {}, right));
    expect(succeeded(await operator.run('directory-unreachable', 'poll'))).toContain('"outcome":"done"');
    await played.sandbox.runtime.idle();
    await played.told('DirectoryRecovered');
    expect(await rolesOf(last)).toEqual(['developers']);
    expect(await wrong()).toEqual([]);
  });

  it('cursor-reset: WHEN the cursor is deleted THEN the directory is read anew, nothing is told twice and nobody loses anything', async () => {
    const before = [
      await Promise.all(dns.map(rolesOf)),
      (await played.records('UserDeleted')).length,
      (await played.records('UserCreated')).length,
    ];
    expect(succeeded(await operator.run('cursor-reset', 'reset'))).toContain('"outcome":"done"');
    await played.sandbox.runtime.idle();
    expect(succeeded(await operator.run('cursor-reset', 'cause'))).toMatch(/"FULL_SYNC".*"cursor-lost".*"VERIFIED"/s);
    const after = [
      await Promise.all(dns.map(rolesOf)),
      (await played.records('UserDeleted')).length,
      (await played.records('UserCreated')).length,
    ];
    expect(after).toEqual(before);
    expect(await wrong()).toEqual([]);
  });

  it('target-down, dead-letter-queue: WHEN Identity Center fails THEN a change is a dead letter, and is redriven when it works again', async () => {
    const { endpoint, mappedGroupDn, population } = played.sandbox;
    const name = 'ad-lambda-dev-sync-roles-identity-center';
    const { QueueUrl } = await played.operator('sqs', 'GetQueueUrl', { QueueName: `${name}.fifo` });
    const { Attributes } = await played.operator('sqs', 'GetQueueAttributes', { QueueUrl, AttributeNames: ['RedrivePolicy'] });
    const policy = JSON.parse(String((Attributes as { RedrivePolicy: string }).RedrivePolicy)) as object;
    // Nobody waits for half an hour here.
    const receives = (maxReceiveCount: number) =>
      played.operator('sqs', 'SetQueueAttributes', {
        QueueUrl,
        Attributes: { RedrivePolicy: JSON.stringify({ ...policy, maxReceiveCount }) },
      });
    await receives(1);
    const down = new AwsError('ServiceUnavailableException', 'Service Unavailable', 503);
    const undo = endpoint.inject({ match: ({ service }) => service === 'identitystore', times: 1_000, effect: { error: down } });
    onTestFinished(undo);
    const [fay = ''] = await createPeople(population, ['fay']);
    await played.member('add', mappedGroupDn, [fay]);
    await played.poll();
    const deadLetters = `dead letters ${name}-dead-letters.fifo`;
    await until('the dead letter', async () => ((await wrong()).some(([of]) => of === deadLetters) ? true : undefined), patience, 500);
    expect(await wrong()).toEqual([
      [deadLetters, 'dead-letter-queue.md'],
      [`changes at ${target}`, 'target-down.md'],
    ]);
    expect(succeeded(await operator.run('target-down', 'cause'))).toMatch(/ROLE_CHANGE_FAILED|MESSAGE_FAILED/);
    undo();
    await receives(20);
    const queue = { queue: `${name}-dead-letters.fifo`, function: name };
    // In one shell, as the second block takes up what the first one found.
    const looked = succeeded(await operator.run('dead-letter-queue', ['look', 'redrive'], queue));
    expect(looked).toMatch(/MESSAGE_FAILED/);
    expect(looked).not.toContain(fay);
    expect(looked).toMatch(/^COMPLETED\s+1$/m);
    await played.sandbox.runtime.idle();
    expect(await rolesOf(fay)).toEqual(['developers']);
    expect(succeeded(await operator.run('target-down', 'reconcile'))).toContain('"state":"completed"');
    // What failed a moment ago is told for a quarter of an hour.
    expect(await wrong()).toEqual([[`changes at ${target}`, 'target-down.md']]);
    dns = [...dns, fay];
  });

  it('dead-letter-queue: WHEN nobody can read an event THEN it is found and purged', async () => {
    const name = 'ad-lambda-dev-decide-access';
    const { QueueUrl } = await played.operator('sqs', 'GetQueueUrl', { QueueName: name });
    await played.operator('sqs', 'SendMessage', { QueueUrl, MessageBody: '{"version":2}' });
    const queue = { queue: `${name}-dead-letters` };
    const isThere = async () => (await wrong()).some(([of]) => of === `dead letters ${queue.queue}`);
    await until('the dead letter', async () => ((await isThere()) ? true : undefined), patience, 500);
    succeeded(await operator.run('dead-letter-queue', 'purge', queue));
    expect(await isThere()).toBe(false);
  });

  it('rotation-failed: WHEN somebody changes the delegated account’s password THEN its value and a rotation mend it', async () => {
    const secret = '/ad-lambda/dev/credentials/corp/password-reset';
    const failed = '/ad-lambda/dev/credentials/corp/build';
    const account = `CN=svc-password-reset,OU=Services,${played.sandbox.controller.baseDn}`;
    // The password before is taken for another hour (MS-KB 906305), the one before that is not.
    await setPassword(played.sandbox, account);
    const password = await setPassword(played.sandbox, account);
    const { username } = JSON.parse(await secretValue(secret)) as { username: string };
    const before = await secretValue(failed);
    await played.operator('secretsmanager', 'RotateSecret', { SecretId: failed }).catch((error: unknown) => error);
    const isWrong = async () => (await wrong()).some(([of, page]) => of === 'credential build' && page === 'rotation-failed.md');
    await until('the failure', async () => ((await isWrong()) ? true : undefined), patience, 500);
    expect(succeeded(await operator.run('rotation-failed', 'cause'))).toMatch(/"credential":"build".*52e/);
    expect(await secretValue(failed)).toBe(before);
    succeeded(await operator.run('rotation-failed', 'put', { secret }, JSON.stringify({ username, password })));
    expect((await operator.run('rotation-failed', 'rotate', { failed })).stderr).toMatch(/That rotation will be reattempted/);
    await until('the rotation', async () => ((await secretValue(failed)) === before ? undefined : true), patience, 500);
    await until('the status', async () => ((await isWrong()) ? undefined : true), patience, 500);
  });

  it('break-glass, invariant 5: WHEN changes are stopped THEN nothing changes at the target, and it is made up for; the emergency user is left alone', async () => {
    const { endpoint, mappedGroupDn, population, runtime } = played.sandbox;
    const store = { IdentityStoreId: endpoint.identityStoreId };
    const { UserId } = await played.operator('identitystore', 'CreateUser', {
      ...store,
      UserName: 'break-glass',
      DisplayName: 'Break Glass',
      Name: { GivenName: 'Break', FamilyName: 'Glass' },
    });
    const { GroupId } = await played.operator('identitystore', 'CreateGroup', { ...store, DisplayName: 'Emergency' });
    await played.operator('identitystore', 'CreateGroupMembership', { ...store, GroupId, MemberId: { UserId } });

    expect(succeeded(await operator.run('break-glass', 'stop'))).toMatch(/sync-roles-identity-center\s+Disabled/);
    succeeded(await operator.run('break-glass', 'stop-rotation'));
    const [gus = ''] = await createPeople(population, ['gus']);
    await played.member('add', mappedGroupDn, [gus]);
    await played.poll();
    await until('the other target', async () => ((await played.account('wiki', gus))?.roles.length ? true : undefined));
    expect(await rolesOf(gus)).toEqual([]);
    expect(
      (await wrong())
        .filter(([, page]) => page === 'break-glass.md')
        .map(([of]) => of)
        .sort(),
    ).toEqual([
      'function ad-lambda-dev-reconcile-identity-center',
      'function ad-lambda-dev-rotate-credential-corp',
      'function ad-lambda-dev-sync-roles-identity-center',
    ]);
    succeeded(await operator.run('break-glass', 'start'));
    succeeded(await operator.run('break-glass', 'start-rotation'));
    await runtime.idle();
    expect(await rolesOf(gus)).toEqual(['developers']);
    expect((await wrong()).filter(([, page]) => page === 'break-glass.md')).toEqual([]);

    await reconcileNow(played.sandbox, target);
    const { GroupMemberships } = await played.operator('identitystore', 'ListGroupMembershipsForMember', {
      ...store,
      MemberId: { UserId },
    });
    expect(GroupMemberships).toEqual([expect.objectContaining({ GroupId })]);
    expect(await played.operator('identitystore', 'DescribeUser', { ...store, UserId })).not.toHaveProperty('ExternalIds');
    dns = [...dns, gus];
  });

  it('region-lost: WHEN the tables are empty THEN the first snapshot makes all decisions, and takes over what is at the target by its marks', async () => {
    const { endpoint } = played.sandbox;
    const accounts = await Promise.all(dns.map((dn) => played.account(target, dn)));
    await emptyTables(played.sandbox, ['DIRECTORY_TABLE', 'GRANTS_TABLE', 'ROLES_TABLE']);
    await played.sandbox.runtime.idle();
    endpoint.clearCalls();
    await played.seen();
    await reconcileNow(played.sandbox, target);
    expect(await Promise.all(dns.map((dn) => played.account(target, dn)))).toEqual(accounts);
    expect(await identityStoreOf(played.sandbox).userOf(await guidOf(played.sandbox, String(dns[0])))).toMatchObject({
      UserId: accounts[0]?.id,
    });
    const made = endpoint.calls.filter(
      ({ service, operation }) => service === 'identitystore' && /^(?:Create(?:User|Group)$|Delete)/.test(operation),
    );
    expect(made.map(({ operation }) => operation)).toEqual([]);
  });

  it('audit-trail-broken: WHEN a file of the trail is deleted THEN verify names it, and its locked version is brought back', async () => {
    const { endpoint, stack, runtime } = played.sandbox;
    await runtime.idle();
    const bucket = functionSetting(stack, 'AUDIT_BUCKET');
    await closeHours(played.sandbox);
    const range = { from: began, to: hourOf(new Date()) };
    const listed = await endpoint.call('operator', 's3', 'ListObjectsV2', { Bucket: bucket, Prefix: 'records/' });
    const key = String((listed.Contents as { Key: string }[])[0]?.Key);
    const { VersionId } = await endpoint.call('operator', 's3', 'DeleteObject', { Bucket: bucket, Key: key });
    const found = await operator.run('audit-trail-broken', 'verify', range);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/missing/);
    expect(found.stdout).toContain(key);
    const versions = succeeded(await operator.run('audit-trail-broken', 'versions', { bucket, key }));
    const { markers } = JSON.parse(versions) as { versions: string[][]; markers: [string, string, boolean][] };
    expect(markers).toEqual([[VersionId, expect.anything(), true]]);
    succeeded(await operator.run('audit-trail-broken', 'restore', { bucket, key, marker: String(markers[0]?.[0]) }));
    expect(succeeded(await operator.run('audit-trail-broken', 'verify', range))).toMatch(/intact/);
  });

  it('GIVEN all of this THEN each marked block of each page ran', () => {
    expect([...operator.ran].sort()).toEqual([...all].sort());
  });
}
