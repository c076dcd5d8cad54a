/** Every event of groups, organizational units, policies and the scope, each from what happens in a real directory (Samba). */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isObjectRow } from '../../handlers/directory/mirror.ts';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import { changeAttribute, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';
import { directoryContents, mirrorContents } from './ldapsearch.ts';
import { passwordSettings, restoreObject, spanOf } from './samba-operations.ts';
import { expectParsed, lines, ofType, type SambaPolls, startSambaPolls } from './samba-polls.ts';

let polls: SambaPolls;
let admin: SambaPolls['population']['admin'];
let people: string;
let groups: string;
let base: string;
let ada: string;
let bea: string;

const replace = (dn: string, type: string, ...values: string[]) => changeAttribute(admin, dn, 'replace', type, values);
const member = (group: string, operation: 'add' | 'delete', ...dns: string[]) => changeAttribute(admin, group, operation, 'member', dns);

async function knownGroup(name: string, members: readonly string[] = []): Promise<string> {
  const dn = await createGroup(admin, groups, name);
  if (members.length > 0) await member(dn, 'add', ...members);
  await polls.poll();
  return dn;
}

beforeAll(async () => {
  polls = await startSambaPolls();
  ({ admin, usersDn: people, groupsDn: groups } = polls.population);
  base = polls.controller.baseDn;
  ada = await createUser(admin, people, 'Ada');
  bea = await createUser(admin, people, 'Bea');
  await polls.poll();
});

afterAll(async () => {
  expectParsed(polls?.eventsSince(0) ?? []);
  await polls?.stop();
});

describe('a group', () => {
  test('WHEN it is created with members THEN it is told before them', async () => {
    const events = await polls.eventsOf(async () => {
      await member(await createGroup(admin, groups, 'New'), 'add', ada);
    });
    expect(lines(events)).toEqual(['GroupCreated New', 'GroupMemberAdded New']);
    expect(events[1]).toMatchObject({ change: { member: { name: 'Ada', dn: ada, sid: expect.stringMatching(/^S-1-5-21-/) } } });
  });

  test('WHEN it is renamed, moved, and changes its scope and kind THEN each is told', async () => {
    const dn = await knownGroup('Shifting', [ada]);
    const renamed = `CN=Shifted,${groups}`;
    expect(await polls.eventsOf(() => admin.modifyDN(dn, renamed))).toMatchObject([
      { type: 'GroupRenamed', change: { name: { before: 'Shifting', after: 'Shifted' } } },
    ]);
    const moved = `CN=Shifted,${people}`;
    expect(await polls.eventsOf(() => admin.modifyDN(renamed, moved))).toMatchObject([
      { type: 'GroupMoved', change: { before: renamed, after: moved } },
    ]);
    // Global security → universal security → universal distribution (MS-ADTS section 2.2.12).
    expect(await polls.eventsOf(() => replace(moved, 'groupType', '-2147483640'))).toMatchObject([
      { type: 'GroupUpdated', change: { groupType: { before: '-2147483646', after: '-2147483640' } } },
    ]);
    expect(await polls.eventsOf(() => replace(moved, 'groupType', '8'))).toMatchObject([
      { type: 'GroupUpdated', change: { groupType: { before: '-2147483640', after: '8' } } },
    ]);
    expect(polls.groupsOf('Ada')).toContain('Shifting');
  });

  test('WHEN members come and go THEN each is told once, also of two changes between two polls', async () => {
    const dn = await knownGroup('Doors', [ada]);
    expect(lines(await polls.eventsOf(() => member(dn, 'add', bea)))).toEqual(['GroupMemberAdded Doors']);
    expect(lines(await polls.eventsOf(() => member(dn, 'delete', ada)))).toEqual(['GroupMemberRemoved Doors']);
    // In and out again: nobody was there at either poll.
    const none = await polls.eventsOf(async () => {
      await member(dn, 'add', ada);
      await member(dn, 'delete', ada);
    });
    expect(none).toEqual([]);
    const swapped = await polls.eventsOf(async () => {
      await member(dn, 'delete', bea);
      await member(dn, 'add', ada);
    });
    expect(lines(swapped).sort()).toEqual(['GroupMemberAdded Doors', 'GroupMemberRemoved Doors']);
  });

  test('WHEN a primary group changes THEN the membership by primaryGroupID moves, and one that a value gave stays', async () => {
    const dn = await knownGroup('Primary', [bea]);
    const rid = polls.row('Primary').sid?.split('-').at(-1) ?? '';
    const there = await polls.eventsOf(() => replace(bea, 'primaryGroupID', rid));
    // AD itself turns the old primary group into a value of `member`, and the value of the new one into primaryGroupID: Bea is in both.
    expect(there).toEqual([]);
    expect(polls.groupsOf('Bea')).toEqual(expect.arrayContaining(['Domain Users', 'Primary']));
    const back = await polls.eventsOf(async () => {
      await replace(bea, 'primaryGroupID', '513');
      await member(dn, 'delete', bea);
    });
    expect(back).toMatchObject([{ type: 'GroupMemberRemoved', subject: { name: 'Primary' }, change: { member: { name: 'Bea' } } }]);
    expect(polls.groupsOf('Bea')).toContain('Domain Users');
    // Who is created is in its primary group without a value of `member`.
    const born = await polls.eventsOf(() => createUser(admin, people, 'Primus'));
    expect(ofType(born, 'GroupMemberAdded')).toMatchObject([{ subject: { name: 'Domain Users' }, change: { member: { name: 'Primus' } } }]);
  });

  test('WHEN it is deleted THEN its members leave it; WHEN it is reanimated THEN it is the same group, empty', async () => {
    const dn = await knownGroup('Ghost', [ada, bea]);
    const { guid } = polls.row('Ghost');
    const deleted = await polls.eventsOf(() => admin.del(dn));
    expect(lines(deleted).sort()).toEqual(['GroupDeleted Ghost', 'GroupMemberRemoved Ghost', 'GroupMemberRemoved Ghost']);
    const restored = await polls.eventsOf(() => restoreObject(admin, polls.controller, dn, guid));
    expect(restored).toMatchObject([{ type: 'GroupRestored', subject: { guid, name: 'Ghost' } }]);
    expect(polls.groupsOf('Ada')).not.toContain('Ghost');
  });
});

describe('an organizational unit with 1,200 people, more than one page of a search', () => {
  const count = 1_200;

  test('WHEN it is renamed and moved THEN each person has its new name, is told to have moved once, and the mirror is the directory', async () => {
    const unit = `OU=Branch,${base}`;
    const inner = `OU=Inner,${unit}`;
    for (const dn of [unit, inner]) await admin.add(dn, { objectClass: ['organizationalUnit'] });
    // Into the domain's own database: over LDAP it would take ten seconds.
    const ldif = Array.from({ length: count }, (_, number) =>
      [`dn: CN=Person ${number},${number % 2 ? inner : unit}`, 'objectClass: user', `sAMAccountName: branch${number}`].join('\n'),
    );
    const database = ['-H', join(polls.controller.directory, 'private', 'sam.ldb')];
    await runCommand('ldbadd', [`--configfile=${join(polls.controller.directory, 'smb.conf')}`, ...database], {
      input: `${ldif.join('\n\n')}\n`,
    });
    await polls.poll();
    const renamed = `OU=Office,${base}`;
    const events = await polls.eventsOf(() => admin.modifyDN(unit, renamed));
    const moved = ofType(events, 'UserMoved');
    expect(moved).toHaveLength(count);
    expect(events).toHaveLength(count);
    for (const { change, subject } of moved) {
      expect(change.after).toBe(change.before.replace(unit, renamed));
      expect(subject.dn).toBe(change.after);
    }
    // A move of somebody in it, together with its own, is one move.
    const together = await polls.eventsOf(async () => {
      await admin.modifyDN(`CN=Person 0,${renamed}`, `CN=Person 0,${people}`);
      await admin.modifyDN(renamed, `OU=Depot,${people}`);
    });
    expect(together.filter(({ subject }) => subject.name === 'Person 0')).toMatchObject([
      { type: 'UserMoved', change: { before: `CN=Person 0,${renamed}`, after: `CN=Person 0,${people}` } },
    ]);
    expect(together).toHaveLength(count);
    expect(new Set([...events, ...together].map(({ id }) => id)).size).toBe(2 * count);
    expect(mirrorContents(polls.mirror.all(), polls.domain)).toEqual(await directoryContents(polls.controller));
  });
});

describe('policies', () => {
  const changed = (events: ReturnType<SambaPolls['eventsSince']>) => ofType(events, 'PolicyChanged').map(({ change }) => change);

  test("WHEN the domain's password and lockout policy changes THEN old and new values are told", async () => {
    const events = await polls.eventsOf(async () => {
      await replace(base, 'minPwdLength', '12');
      await replace(base, 'lockoutThreshold', '5');
    });
    expect(events).toMatchObject([{ type: 'PolicyChanged', subject: { type: 'domain', dn: base } }]);
    expect(changed(events)).toEqual([
      {
        policy: 'domain',
        action: 'changed',
        attributes: { minPwdLength: { before: '7', after: '12' }, lockoutThreshold: { before: '0', after: '5' } },
      },
    ]);
  });

  test('WHEN a fine-grained policy is created, changed, applied to somebody else, renamed and deleted THEN each is told', async () => {
    const dn = `CN=Admins,CN=Password Settings Container,CN=System,${base}`;
    const [adaGuid, beaGuid] = [polls.row('Ada').guid, polls.row('Bea').guid];
    const created = await polls.eventsOf(() => admin.add(dn, passwordSettings({ 'msDS-PSOAppliesTo': ada })));
    expect(changed(created)).toMatchObject([
      {
        policy: 'fine-grained',
        action: 'created',
        attributes: {
          'msDS-MinimumPasswordLength': { before: null, after: '3' },
          'msDS-PSOAppliesTo': { before: null, after: `${adaGuid} ${ada}` },
        },
      },
    ]);
    const stricter = await polls.eventsOf(async () => {
      await replace(dn, 'msDS-MinimumPasswordLength', '20');
      await replace(dn, 'msDS-LockoutDuration', spanOf(120_000));
    });
    expect(changed(stricter)).toEqual([
      {
        policy: 'fine-grained',
        action: 'changed',
        attributes: {
          'msDS-MinimumPasswordLength': { before: '3', after: '20' },
          'msDS-LockoutDuration': { before: spanOf(60_000), after: spanOf(120_000) },
        },
      },
    ]);
    const others = await polls.eventsOf(async () => {
      await changeAttribute(admin, dn, 'delete', 'msDS-PSOAppliesTo', [ada]);
      await changeAttribute(admin, dn, 'add', 'msDS-PSOAppliesTo', [bea]);
    });
    expect(changed(others)).toEqual([
      {
        policy: 'fine-grained',
        action: 'changed',
        attributes: { 'msDS-PSOAppliesTo': { before: `${adaGuid} ${ada}`, after: `${beaGuid} ${bea}` } },
      },
    ]);
    const renamed = dn.replace('CN=Admins', 'CN=Operators');
    expect(changed(await polls.eventsOf(() => admin.modifyDN(dn, renamed)))).toEqual([
      { policy: 'fine-grained', action: 'changed', attributes: { name: { before: 'Admins', after: 'Operators' } } },
    ]);
    expect(changed(await polls.eventsOf(() => admin.del(renamed)))).toMatchObject([
      { policy: 'fine-grained', action: 'deleted', attributes: { 'msDS-MinimumPasswordLength': { before: '20', after: null } } },
    ]);
  });

  test('WHEN a group policy object is made, edited and deleted THEN its version is told; WHEN it is linked THEN where', async () => {
    const id = '{6F1D0E6A-4D3B-4C7B-9A55-2A0F0C1B7E11}';
    const dn = `CN=${id},CN=Policies,CN=System,${base}`;
    const created = await polls.eventsOf(() =>
      admin.add(dn, { objectClass: ['container', 'groupPolicyContainer'], displayName: 'Screen lock', versionNumber: '0', flags: '0' }),
    );
    expect(changed(created)).toMatchObject([
      { policy: 'group-policy', action: 'created', attributes: { displayName: { before: null, after: 'Screen lock' } } },
    ]);
    // What an editor of group policies writes: the computer's half counts in the lower word (MS-GPOL section 2.2.4).
    expect(changed(await polls.eventsOf(() => replace(dn, 'versionNumber', '1')))).toEqual([
      { policy: 'group-policy', action: 'changed', attributes: { versionNumber: { before: '0', after: '1' } } },
    ]);
    const link = `[LDAP://${dn};0]`;
    const linked = await polls.eventsOf(() => replace(people, 'gPLink', link));
    expect(linked).toMatchObject([{ type: 'PolicyChanged', subject: { type: 'organizationalUnit', dn: people } }]);
    expect(changed(linked)).toEqual([
      { policy: 'group-policy-link', action: 'changed', attributes: { gPLink: { before: null, after: link } } },
    ]);
    // Bit 1: blocks inheritance (MS-GPOL section 2.2.2).
    expect(changed(await polls.eventsOf(() => replace(people, 'gPOptions', '1')))).toEqual([
      { policy: 'group-policy-link', action: 'changed', attributes: { gPOptions: { before: null, after: '1' } } },
    ]);
    expect(changed(await polls.eventsOf(() => admin.del(dn)))).toMatchObject([
      { policy: 'group-policy', action: 'deleted', attributes: { versionNumber: { before: '1', after: null } } },
    ]);
  });

  test("WHEN AdminSDHolder's descriptor changes THEN both are told as text", async () => {
    const entry = `(A;;RP;;;${polls.row('Ada').sid})`;
    const events = await polls.eventsOf(() => polls.controller.dsacl(`CN=AdminSDHolder,CN=System,${base}`, entry));
    expect(events).toMatchObject([{ type: 'PolicyChanged', subject: { type: 'adminSDHolder' }, change: { policy: 'admin-sd-holder' } }]);
    const { before, after } = changed(events)[0]?.attributes.nTSecurityDescriptor ?? {};
    expect(before).toMatch(/^O:S-1-5-21-.*D:/);
    expect(after).toContain(entry);
    expect(before).not.toContain(entry);
    expect(await polls.eventsOf(() => replace(ada, 'description', 'nothing to do with it'))).toEqual([]);
  });
});

describe('scope', () => {
  test('WHEN an object leaves the scope or enters it THEN that is told, and no deletion; what is out of it is not told at all', async () => {
    const away = `OU=Away,${base}`;
    await admin.add(away, { objectClass: ['organizationalUnit'] });
    const cleo = await createUser(admin, people, 'Cleo');
    const contractors = await createGroup(admin, groups, 'Contractors');
    await createUser(admin, away, 'Dan');
    await polls.poll();

    // By unit, group and filter at once. A changed scope is a full sync.
    polls.settings = { scope: { exclude: { organizationalUnits: [away], groups: [contractors], filter: '(employeeType=test)' } } };
    const narrowed = await polls.eventsOf(async () => {});
    expect(lines(narrowed)).toEqual(['UserLeftScope Dan']);
    // Of Eve nothing; of a group that is watched all of its members.
    expect(lines(await polls.eventsOf(() => createUser(admin, away, 'Eve')))).toEqual(['GroupMemberAdded Domain Users']);
    expect(await polls.eventsOf(() => replace(`CN=Eve,${away}`, 'displayName', 'Eve'))).toEqual([]);

    const ways: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
      ['unit', () => admin.modifyDN(cleo, `CN=Cleo,${away}`), () => admin.modifyDN(`CN=Cleo,${away}`, cleo)],
      ['group', () => member(contractors, 'add', cleo), () => member(contractors, 'delete', cleo)],
      ['filter', () => replace(cleo, 'employeeType', 'test'), () => changeAttribute(admin, cleo, 'delete', 'employeeType', [])],
    ];
    for (const [way, leave, enter] of ways) {
      const left = lines(await polls.eventsOf(leave)).filter((line) => line.endsWith('Cleo'));
      expect([way, ...left]).toEqual([way, 'UserLeftScope Cleo']);
      const entered = lines(await polls.eventsOf(enter)).filter((line) => line.endsWith('Cleo'));
      expect([way, ...entered]).toEqual([way, 'UserEnteredScope Cleo']);
    }
    await polls.eventsOf(() => admin.modifyDN(cleo, `CN=Cleo,${away}`));
    expect(lines(await polls.eventsOf(() => admin.del(`CN=Cleo,${away}`)))).not.toContain('UserDeleted Cleo');

    // A whole unit that moves out takes everybody with it.
    const unit = `OU=Unit,${people}`;
    await admin.add(unit, { objectClass: ['organizationalUnit'] });
    await createUser(admin, unit, 'Finn');
    await polls.poll();
    expect(lines(await polls.eventsOf(() => admin.modifyDN(unit, `OU=Unit,${away}`)))).toEqual(['UserLeftScope Finn']);

    polls.settings = {};
    const widened = await polls.eventsOf(async () => {});
    expect(lines(widened).sort()).toEqual(['UserEnteredScope Dan', 'UserEnteredScope Eve', 'UserEnteredScope Finn']);
    expect(polls.mirror.all().filter((row) => isObjectRow(row) && !row.deleted && row.outOfScope)).toEqual([]);
  });

  test('WHEN a group comes within it that had members before THEN their leaving is told', async () => {
    const hidden = `OU=Hidden,${base}`;
    await admin.add(hidden, { objectClass: ['organizationalUnit'] });
    polls.settings = { scope: { exclude: { organizationalUnits: [hidden] } } };
    const dn = await createGroup(admin, hidden, 'Veiled');
    expect(await polls.eventsOf(() => member(dn, 'add', ada, bea))).toEqual([]);
    const shown = `CN=Veiled,${groups}`;
    expect(lines(await polls.eventsOf(() => admin.modifyDN(dn, shown)))).toEqual(['GroupEnteredScope Veiled']);
    expect(lines(await polls.eventsOf(() => member(shown, 'delete', ada)))).toEqual(['GroupMemberRemoved Veiled']);
    expect(lines(await polls.eventsOf(() => admin.modifyDN(shown, dn)))).toEqual(['GroupLeftScope Veiled']);
    expect(await polls.eventsOf(() => member(dn, 'delete', bea))).toEqual([]);
  });

  test('WHEN a primary group is out of it THEN who joins and leaves it is not told; once it is within, that is', async () => {
    const users = { organizationalUnits: [`CN=Users,${base}`] };
    polls.settings = { scope: { exclude: users } };
    await polls.poll();
    const dn = `CN=Gil,${people}`;
    expect(lines(await polls.eventsOf(() => createUser(admin, people, 'Gil')))).toEqual(['UserCreated Gil']);
    polls.settings = {};
    await polls.poll();
    const other = await knownGroup('Other primary', [dn]);
    const rid = polls.row('Other primary').sid?.split('-').at(-1) ?? '';
    const left = await polls.eventsOf(async () => {
      await replace(dn, 'primaryGroupID', rid);
      // AD made a value of `member` of it.
      await member(`CN=Domain Users,CN=Users,${base}`, 'delete', dn);
    });
    expect(lines(left)).toEqual(['GroupMemberRemoved Domain Users']);
    expect(polls.groupsOf('Gil')).toEqual(['Other primary']);
    expect(other).toBeDefined();
  });
});
