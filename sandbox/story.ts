/** The story: people join, are renamed, are disabled and leave, and each change reaches every target by itself, and stays there. */

import { Client } from 'ldapts';
import type { ChangeOf } from '../handlers/events/catalogue.ts';
import { guidText } from '../handlers/platform/object-identity.ts';
import { credentialsOf } from './credentials.ts';
import { changeAttribute, createGroup, createUser, type Population } from './domain-controller/population.ts';
import type { Progress } from './progress.ts';
import { endMembershipsByHand, reconcileNow } from './reconciliation.ts';
import { targetsOf } from './role-targets.ts';
import type { Sandbox } from './sandbox.ts';
import { securityLogGroup, tellMemberAdded } from './security-log.ts';
import { type Effect, type StoryRow, storyRows, type Told, toldBy } from './story-row.ts';
import { type TargetView, targetViews, type ViewedAccount } from './target-view.ts';
import { toldEvents } from './told-events.ts';
import { until } from './waiting.ts';

const role = 'developers';

const alanDn = ({ usersDn }: Pick<Population, 'usersDn'>): string => `CN=Alan Example,${usersDn}`;
const team = 'Platform-Team';
/** Its name says which access to which account its members have, where the environment maps such groups. */
const accountGroup = 'AWS-111122223333-ReadOnly';

/** Before the first poll somebody is in the group already: what a snapshot brings reaches the role too. */
export async function beforeTheStory({ admin, usersDn, groupsDn }: Population, mappedGroupDn: string): Promise<void> {
  const grace = await createUser(admin, usersDn, 'Grace Example', { sAMAccountName: 'grace', displayName: 'Grace Example' });
  await changeAttribute(admin, mappedGroupDn, 'add', 'member', [grace]);
  const alan = await createUser(admin, usersDn, 'Alan Example', { sAMAccountName: 'alan', displayName: 'Alan Example' });
  await changeAttribute(admin, await createGroup(admin, groupsDn, team), 'add', 'member', [alan]);
  await createGroup(admin, groupsDn, accountGroup);
}

/** Plays the story in a sandbox that began with `beforeTheStory`. @throws Error naming the step that did not come out */
export async function playStory(sandbox: Sandbox, progress: Progress): Promise<readonly StoryRow[]> {
  const { population, mappedGroupDn, unmappedGroupDn, runtime, stack } = sandbox;
  const { admin, usersDn, groupsDn } = population;
  const targets = targetViews(sandbox);
  const everywhere = targets.map(({ name }) => name);
  const steps: Told[] = [];
  const told = async (change: string, effect: Effect, work: () => Promise<void>) => {
    const before = steps.length === 0 ? 0 : toldEvents(sandbox).length;
    await progress.step(change, work);
    steps.push(await toldBy(sandbox, change, before, effect));
  };
  /** Waits until every target shows it. @returns the accounts' ids, in the targets' order */
  const shown = (what: string, guid: string, isSo: (account: ViewedAccount | undefined, target: TargetView) => boolean) =>
    until(`${what} at ${everywhere.join(' and ')}`, async () => {
      const accounts = await Promise.all(targets.map((target) => target.accountOf(guid)));
      return targets.every((target, index) => isSo(accounts[index], target)) ? accounts.map((account) => account?.id) : undefined;
    });
  const holds = (account: ViewedAccount | undefined, ...roles: readonly string[]) =>
    JSON.stringify(account?.roles) === JSON.stringify(roles);

  await told('Grace was in AWS-Developers before the first poll', { roleChange: 'RoleGranted', at: everywhere }, async () => {
    await shown(`role ${role}`, await guidOf(sandbox, `CN=Grace Example,${usersDn}`), (account) => holds(account, role));
  });

  let dn = '';
  let guid = '';
  let ids: readonly (string | undefined)[] = [];
  /** No change but a deletion may make a new account: what was assigned to the old one would be lost. */
  const isSame = (now: readonly (string | undefined)[]) => {
    if (JSON.stringify(now) !== JSON.stringify(ids)) throw new Error(`accounts ${ids.join(', ')} became ${now.join(', ')}`);
  };

  await told('Ada joins', { event: 'UserCreated' }, async () => {
    dn = await createUser(admin, usersDn, 'Ada Example', {
      sAMAccountName: 'ada',
      userPrincipalName: 'ada@corp.example.com',
      displayName: 'Ada Example',
      givenName: 'Ada',
      sn: 'Example',
      mail: 'ada@example.com',
    });
    guid = await guidOf(sandbox, dn);
    await until('the event of the new user', async () =>
      toldEvents(sandbox).find(({ type, subject }) => type === 'UserCreated' && subject.guid === guid),
    );
    await runtime.idle();
    const decision = toldEvents(sandbox).find(({ type, subject }) => type === 'AccessDecided' && subject.guid === guid);
    if (decision !== undefined) throw new Error(`a user in no group was decided on: ${JSON.stringify(decision.change)}`);
  });

  await told('Ada is put into AWS-Developers', { roleChange: 'RoleGranted', at: everywhere }, async () => {
    const securityLog = securityLogGroup(stack);
    // Without the schedule: where the Security log is read, its event alone brings the change.
    if (securityLog !== undefined) {
      runtime.pauseSchedules();
      await runtime.idle();
    }
    await changeAttribute(admin, mappedGroupDn, 'add', 'member', [dn]);
    if (securityLog !== undefined) await tellMemberAdded(sandbox, securityLog, mappedGroupDn, dn);
    ids = await shown(`role ${role}`, guid, (account) => holds(account, role));
    runtime.resumeSchedules();
  });

  await told('Ada is renamed', { roleChange: 'AccountUpdated', at: everywhere }, async () => {
    await admin.modifyDN(dn, `CN=Ada Sample,${usersDn}`);
    dn = `CN=Ada Sample,${usersDn}`;
    await changeAttribute(admin, dn, 'replace', 'userPrincipalName', ['ada.sample@corp.example.com']);
    isSame(await shown('the new name', guid, (account) => account?.userName === 'ada.sample@corp.example.com'));
  });

  const alan = await guidOf(sandbox, alanDn(population));
  await told("Alan's Platform-Team is put into AWS-Developers", { roleChange: 'RoleGranted', at: everywhere }, async () => {
    await changeAttribute(admin, mappedGroupDn, 'add', 'member', [`CN=${team},${groupsDn}`]);
    await shown(`role ${role}`, alan, (account) => holds(account, role));
    const decided = await until('the decision on Alan', async () =>
      toldEvents(sandbox).find(({ type, subject }) => type === 'AccessDecided' && subject.guid === alan),
    );
    for (const { group, path } of (decided.change as ChangeOf<'AccessDecided'>).granted) {
      const way = [...(path ?? []), group].map(({ name }) => name).join(' > ');
      if (way !== `${team} > AWS-Developers`) throw new Error(`Alan holds ${role} by ${way}`);
    }
  });

  await told('A group that nobody mapped changes', {}, async () => {
    const mutations = () => targets.map((target) => target.mutations()).join(' and ');
    await runtime.idle();
    const before = mutations();
    await changeAttribute(admin, unmappedGroupDn, 'add', 'member', [dn]);
    await until('the event of the unmapped group', async () => (await memberships(sandbox, unmappedGroupDn)) || undefined);
    await runtime.idle();
    if (mutations() !== before) throw new Error('a group that nobody mapped changed something at a target');
  });

  await told(
    "Somebody takes Alan's membership away at Identity Center",
    { roleChange: 'DriftHealed', at: ['identity-center'] },
    async () => {
      for (const target of targets) {
        const isTouched = target.name === 'identity-center';
        const account = await target.accountOf(alan);
        if (isTouched) await endMembershipsByHand(sandbox, account?.id ?? '');
        const { findings, page } = await reconcileNow(sandbox, target.name);
        if (findings !== (isTouched ? 1 : 0)) throw new Error(`reconcile of ${target.name} found ${findings} differences:\n${page}`);
        if (isTouched && !/membership-missing.*Alan Example/s.test(page))
          throw new Error(`the drift report does not tell of Alan:\n${page}`);
      }
      await shown(`role ${role}`, alan, (account) => holds(account, role));
    },
  );

  // Where roles bring access to AWS accounts, disabling also has to cut the sessions that they gave.
  const ended = targetsOf(stack).some(({ settings }) => settings.permissionSets) ? [accountGroup, role] : [role];
  if (ended.includes(accountGroup)) {
    await told(`Ada is put into ${accountGroup}`, { roleChange: 'RoleGranted', at: ['identity-center'] }, async () => {
      await changeAttribute(admin, `CN=${accountGroup},${groupsDn}`, 'add', 'member', [dn]);
      const asEver = (account: ViewedAccount | undefined, { name }: TargetView) =>
        name === 'identity-center' ? holds(account, ...ended) : holds(account, role);
      isSame(await shown(`role ${accountGroup}`, guid, asEver));
    });
  }

  await told('Ada is disabled', { roleChange: 'AccessEnded', at: everywhere }, async () => {
    await changeAttribute(admin, dn, 'replace', 'userAccountControl', ['514']);
    isSame(await shown('the end of all roles', guid, (account) => holds(account) && account?.active !== true));
    await until('the evidence that it was read back', async () => {
      const evidence = toldEvents(sandbox).filter(({ type, subject }) => type === 'AccessEnded' && subject.guid === guid);
      const verified = evidence
        .map(({ change }) => change as ChangeOf<'AccessEnded'>)
        .filter(({ steps }) => steps.at(-1)?.step === 'absence-verified');
      return everywhere.every((name) => verified.some(({ account }) => account.target === name)) || undefined;
    });
    await until("the end of Ada's sessions", async () => {
      const denied = sandbox.endpoint.provisionedPolicies().filter(({ inlinePolicy }) => inlinePolicy.includes(ids[0] ?? ''));
      return denied.length === ended.length - 1 || undefined;
    });
  });

  for (const { settings, place } of await credentialsOf(stack, sandbox.endpoint)) {
    await told(`Credential "${settings.name}" is rotated (${settings.strategy.kind})`, { event: 'CredentialRotated' }, () =>
      rotateNow(sandbox, settings.name, place),
    );
  }

  const deleting = targets.filter(({ deletes }) => deletes).map(({ name }) => name);
  const deleted: Effect = { event: 'UserDeleted', ...(deleting.length > 0 && { roleChange: 'AccountDeprovisioned', at: deleting }) };
  await told('Ada is deleted', deleted, async () => {
    await admin.del(dn);
    await until('the decision', async () =>
      toldEvents(sandbox).find(({ change, subject }) => subject.guid === guid && 'state' in change && change.state === 'deleted'),
    );
    await runtime.idle();
    await shown('what is left of the accounts', guid, (account, { deletes }) =>
      deletes ? account === undefined : holds(account) && account?.active !== true,
    );
  });
  // The records come within seconds, together: nobody waits for them after each step.
  return await progress.step('the audit records', () => storyRows(sandbox, steps));
}

/** Has Secrets Manager rotate it, as its schedule would, and logs on with what consumers read then. */
async function rotateNow({ endpoint, controller }: Sandbox, credential: string, SecretId: string): Promise<void> {
  const read = async () => await endpoint.call('operator', 'secretsmanager', 'GetSecretValue', { SecretId });
  const { VersionId: before } = await read();
  await endpoint.call('operator', 'secretsmanager', 'RotateSecret', { SecretId });
  const current = await until(`the rotation of "${credential}"`, async () => {
    const now = await read();
    return now.VersionId === before ? undefined : now;
  });
  const { username, password } = JSON.parse(String(current.SecretString)) as { username: string; password: string };
  const client = new Client({ url: controller.ldapsUrl, tlsOptions: { ca: [controller.ca] } });
  await client.bind(username, password).finally(() => client.unbind());
}

/** Whether a change of this group's members was told. */
async function memberships(sandbox: Sandbox, groupDn: string): Promise<boolean> {
  return toldEvents(sandbox).some(({ type, subject }) => type === 'GroupMemberAdded' && subject.dn === groupDn);
}

/** objectGUID of an entry. */
export async function guidOf({ population }: Pick<Sandbox, 'population'>, dn: string): Promise<string> {
  const { searchEntries } = await population.admin.search(dn, {
    scope: 'base',
    attributes: ['objectGUID'],
    explicitBufferAttributes: ['objectGUID'],
  });
  return guidText(searchEntries[0]?.objectGUID as Buffer);
}
