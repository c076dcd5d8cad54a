/** Who did it: hints of the Security log as a page asks for them, and on the events. */
import { describe, expect, test } from 'vitest';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import type { Action, ActorHint } from '../../handlers/directory/security-log/actor-hints.ts';
import { hintIndex } from '../../handlers/directory/security-log/hint-index.ts';
import { ada, bea, Polls, staff } from './polls.ts';
import { accountObject, changed, delta, fileTimeOf, guidOf, referenceTo, sidOf, tombstone } from './rows.ts';
import { memoryActorHints } from './security-log/memory-actor-hints.ts';

const [root, helpdesk] = [
  { sid: sidOf(500), name: 'CORP\\root' },
  { sid: sidOf(501), name: 'CORP\\helpdesk' },
];
let records = 0;
function hint(action: Action, of: { readonly sid?: string | undefined }, change: Partial<ActorHint> = {}): ActorHint {
  records += 1;
  return {
    subject: of.sid ?? '',
    action,
    at: '2025-03-01T09:59:00.000Z',
    actor: root,
    computer: 'dc1',
    recordId: String(records),
    ...change,
  };
}
const member = (action: Action, of: { readonly sid?: string | undefined }, change: Partial<ActorHint> = {}): ActorHint =>
  hint(action, staff, { member: of.sid ?? '', ...change });

describe('an index of hints', () => {
  test('THEN each subject has its own, by SID and by GUID, and a membership those of its member', () => {
    const byGuid = hint('modified', { sid: guidOf(2) });
    const hints = [hint('disabled', ada), byGuid, member('member-added', ada), member('member-added', bea)];
    const about = hintIndex(hints);
    expect(about(ada)).toEqual([hints[0]]);
    expect(about(bea)).toEqual([byGuid]);
    expect(about(staff, ada)).toEqual([hints[2]]);
    expect(about(staff)).toBeUndefined();
    expect(about({ guid: guidOf(9) })).toBeUndefined();
    expect(about(staff, { guid: guidOf(9) })).toBeUndefined();
  });

  test('THEN of several for one action the latest is kept, in any order', () => {
    const [early, late] = [hint('disabled', ada), hint('disabled', ada, { at: '2025-03-01T09:59:59.000Z', actor: helpdesk })];
    for (const hints of [
      [early, late],
      [late, early],
    ]) {
      expect(hintIndex(hints)(ada)).toEqual([late]);
    }
  });

  test('GIVEN a group with thousands of hints THEN each membership takes its own, and the rows stay small', () => {
    const people = Array.from({ length: 5000 }, (_, index) => accountObject('user', 1000 + index, `User${index}`));
    const about = hintIndex(people.flatMap((person) => [member('member-added', person), member('member-removed', person)]));
    for (const person of people) expect(about(staff, person)).toHaveLength(2);
    expect(about(staff)).toBeUndefined();
  });
});

describe('an event', () => {
  /** GIVEN the first snapshot, and a Security log. */
  async function given() {
    const polls = new Polls();
    const hints = memoryActorHints();
    await polls.firstSync();
    const told = async (...objects: readonly ChangedObject[]) => {
      const mark = polls.events().length;
      polls.directory.set(polls.cursor.cookie.toString(), { objects, cookie: Buffer.from(`${polls.cursor.cookie}+`), moreResults: false });
      await polls.poll({ hints });
      return polls
        .events()
        .slice(mark)
        .map(({ type, actor }) => [type, actor?.name]);
    };
    return { polls, hints, told };
  }

  test('THEN it carries the actor of what it tells, and each of several its own', async () => {
    const { hints, told } = await given();
    await hints.keep([hint('disabled', ada), hint('password-reset', ada, { actor: helpdesk }), hint('renamed', bea)]);
    const at = fileTimeOf('2025-03-01T09:59:00.000Z');
    expect(await told(changed(ada, { userAccountControl: ['514'], pwdLastSet: [at] }), changed(bea, { sAMAccountName: ['bea2'] }))).toEqual(
      [
        ['UserDisabled', root.name],
        ['PasswordChanged', helpdesk.name],
        ['UserRenamed', root.name],
      ],
    );
  });

  test('THEN a membership’s actor is who changed that member, not another', async () => {
    const { hints, told } = await given();
    await hints.keep([member('member-removed', ada), member('member-removed', bea, { actor: helpdesk })]);
    expect(await told(delta(staff, { membersRemoved: [referenceTo(ada), referenceTo(bea)] }))).toEqual([
      ['GroupMemberRemoved', root.name],
      ['GroupMemberRemoved', helpdesk.name],
    ]);
  });

  test('THEN a deletion carries its actor, though its memberships carry none', async () => {
    const { hints, told } = await given();
    await hints.keep([hint('deleted', ada)]);
    expect((await told(tombstone(ada))).sort()).toEqual([
      ['GroupMemberRemoved', undefined],
      ['UserDeleted', root.name],
    ]);
  });

  test('WHEN nobody is known, or only from before the window, THEN it carries none', async () => {
    const { hints, told } = await given();
    await hints.keep([hint('disabled', ada, { at: '2025-03-01T09:44:00.000Z' })]);
    expect(await told(changed(ada, { userAccountControl: ['514'] }))).toEqual([['UserDisabled', undefined]]);
  });

  test('WHEN an actor was known of one change THEN the next change is not laid to them', async () => {
    const { polls, hints, told } = await given();
    await hints.keep([hint('disabled', ada)]);
    expect(await told(changed(ada, { userAccountControl: ['514'] }))).toEqual([['UserDisabled', root.name]]);
    polls.time += 16 * 60_000;
    expect(await told(changed(ada, { userAccountControl: ['512'] }))).toEqual([['UserEnabled', undefined]]);
    expect(await told(changed(ada, { userAccountControl: ['514'] }))).toEqual([['UserDisabled', undefined]]);
  });

  test('WHEN time passes THEN nobody did it', async () => {
    const { polls, hints } = await given();
    await hints.keep([hint('changed', ada), hint('locked-out', ada)]);
    polls.directory.set('c1', {
      objects: [changed(ada, { accountExpires: [fileTimeOf('2025-03-01T10:01:00.000Z')] })],
      cookie: Buffer.from('c2'),
      moreResults: false,
    });
    await polls.poll({ hints });
    polls.time += 120_000;
    await polls.poll({ hints });
    expect(polls.events().map(({ type, actor }) => [type, actor?.name])).toEqual([
      ['DirectorySnapshotCompleted', undefined],
      ['UserExpiryChanged', root.name],
      ['UserExpired', undefined],
    ]);
  });
});
