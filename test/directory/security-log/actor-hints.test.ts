/** Who did it: from events to hints, from hints to the actor of a change, and both stores of hints. */
import { QueryCommand } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ActorHint, actorOf, actorWindowMs, hintLifetimeMs, hintsOf } from '../../../handlers/directory/security-log/actor-hints.ts';
import { dynamoDbActorHints } from '../../../handlers/directory/security-log/dynamodb-actor-hints.ts';
import { readSecurityEvents } from '../../../handlers/directory/security-log/security-event.ts';
import { fromItem, toItem } from '../../../handlers/platform/dynamodb.ts';
import { RetryableError } from '../../../handlers/platform/errors.ts';
import { actorHintsContract, at, hint } from './actor-hints-contract.ts';
import { actorsTable, actorsTableForTests } from './actors-table.ts';
import { memoryActorHints } from './memory-actor-hints.ts';
import { admin, groupSid, objectGuid, oneLine, userSid, type WindowsEvent } from './windows-events.ts';

const { endpoint, client } = await actorsTableForTests();

actorHintsContract('hints in memory', memoryActorHints());
actorHintsContract('hints in DynamoDB', dynamoDbActorHints(client, actorsTable));

const now = new Date('2025-03-01T10:01:00Z');
const hintsFrom = (...events: WindowsEvent[]) => hintsOf(readSecurityEvents(events.map(oneLine).join('')).events, now);

describe('GIVEN events', () => {
  const common = { at: '2025-03-01T10:00:00.123Z', computer: 'dc1.corp.example.com', recordId: '410204', actor: admin };

  test('WHEN an account is changed THEN the hint is under its SID', () => {
    expect(hintsFrom({ id: 4725, data: { TargetSid: userSid } })).toEqual([{ ...common, action: 'disabled', subject: userSid }]);
  });

  test('WHEN an object is modified THEN the hint is under its GUID', () => {
    const data = { ObjectGUID: `{${objectGuid.toUpperCase()}}` };
    expect(hintsFrom({ id: 5136, data })).toEqual([{ ...common, action: 'modified', subject: objectGuid }]);
  });

  test('WHEN a member is added THEN the one hint is under the group, with the member', () => {
    const data = { MemberName: '-', MemberSid: userSid, TargetSid: groupSid };
    expect(hintsFrom({ id: 4728, data })).toEqual([{ ...common, action: 'member-added', subject: groupSid, member: userSid }]);
  });

  test.each<[string, WindowsEvent]>([
    ['no actor', { id: 4725, data: { TargetSid: userSid, SubjectUserSid: 'S-1-0-0' } }],
    ['no subject', { id: 4725 }],
    ['no member of a membership', { id: 4728, data: { TargetSid: groupSid, MemberSid: 'S-1-0-0' } }],
    ['no group of a membership', { id: 4728, data: { MemberSid: userSid } }],
    ['a SID that every server has', { id: 4735, data: { TargetSid: 'S-1-5-32-544' } }],
    ['a time long past', { id: 4725, time: '2015-08-28T17:36:04.1294726Z', data: { TargetSid: userSid } }],
    ['a time just past the lifetime', { id: 4725, time: '2025-03-01T09:00:59.9999999Z', data: { TargetSid: userSid } }],
    ['a time to come', { id: 4725, time: '2025-03-01T10:06:00.0010000Z', data: { TargetSid: userSid } }],
    ['a time that would stay for ever', { id: 4725, time: '9999-12-31T23:59:59.9999999Z', data: { TargetSid: userSid } }],
  ])('GIVEN %s THEN there is no hint', (_, event) => {
    expect(hintsFrom(event)).toEqual([]);
    expect(hintsFrom(event, { id: 4722, data: { TargetSid: userSid } })).toHaveLength(1);
  });

  test('GIVEN a membership of a group that every server has THEN the member tells whose it is', () => {
    const data = { MemberSid: userSid, TargetSid: 'S-1-5-32-544' };
    expect(hintsFrom({ id: 4732, data })).toMatchObject([{ subject: 'S-1-5-32-544', member: userSid }]);
  });

  test('GIVEN a clock that differs as much as a domain tolerates THEN its hints count', () => {
    expect(hintsFrom({ id: 4725, time: '2025-03-01T10:05:59Z', data: { TargetSid: userSid } })).toHaveLength(1);
  });

  test('a hint outlives the window it counts in', () => expect(hintLifetimeMs).toBeGreaterThan(2 * actorWindowMs));
});

describe('GIVEN hints about a subject', () => {
  const [bea, cid] = [
    { sid: `${admin.sid}2`, name: 'CORP\\bea' },
    { sid: `${admin.sid}3`, name: 'CORP\\cid' },
  ] as const;

  test('WHEN one says the very action THEN it is preferred to a later one that says less', () => {
    const hints = [hint(userSid, 1, { action: 'disabled', actor: bea }), hint(userSid, 9, { action: 'changed', actor: cid })];
    expect(actorOf(hints, { actions: ['disabled', 'changed'] })).toEqual(bea);
    expect(actorOf(hints, { actions: ['changed', 'disabled'] })).toEqual(cid);
    expect(actorOf(hints, { actions: ['enabled', 'changed'] })).toEqual(cid);
  });

  test('WHEN none says any of the actions THEN nobody is named', () => {
    expect(actorOf([hint(userSid, 1)], { actions: ['enabled', 'disabled'] })).toBeUndefined();
    expect(actorOf([hint(userSid, 1)], { actions: [] })).toBeUndefined();
    expect(actorOf([], { actions: ['changed'] })).toBeUndefined();
  });

  test('WHEN two did the same THEN the last writer is named, in whatever order the hints come', () => {
    const hints = [hint(userSid, 1), hint(userSid, 3, { actor: bea }), hint(userSid, 2, { actor: cid })];
    fc.assert(
      fc.property(fc.shuffledSubarray(hints, { minLength: 3 }), (shuffled) => {
        expect(actorOf(shuffled, { actions: ['changed'] })).toEqual(bea);
      }),
    );
  });

  test('WHEN both are of one millisecond THEN the number of the record decides, not its text', () => {
    const hints = [hint(userSid, 1, { recordId: '10', actor: bea }), hint(userSid, 1, { recordId: '9', actor: cid })];
    expect(actorOf(hints, { actions: ['changed'] })).toEqual(bea);
    expect(actorOf(hints.toReversed(), { actions: ['changed'] })).toEqual(bea);
  });

  test('WHEN a membership is asked for THEN only hints about that member count', () => {
    const [one, other] = [`${userSid}1`, `${userSid}2`];
    const hints = [
      hint(groupSid, 1, { action: 'member-added', member: one, actor: bea }),
      hint(groupSid, 2, { action: 'member-added', member: other, actor: cid }),
      hint(groupSid, 3, { action: 'member-removed', member: one, actor: cid }),
      hint(groupSid, 4, { action: 'modified', actor: admin }),
    ];
    expect(actorOf(hints, { actions: ['member-added'], member: one })).toEqual(bea);
    expect(actorOf(hints, { actions: ['member-added', 'modified'], member: 'S-1-5-21-9-9-9-9' })).toBeUndefined();
    // Not whoever added anybody, when it is about the group itself.
    expect(actorOf(hints, { actions: ['member-added', 'modified'] })).toEqual(admin);
  });
});

describe('GIVEN an AWS that loses answers, throttles and leaves items unprocessed', () => {
  const hints = dynamoDbActorHints(client, actorsTable);
  const fifty = (sid: string) => Array.from({ length: 50 }, (_, index) => hint(sid, index));

  test.each([
    ['BatchWriteItem', { loseResponse: true }],
    ['BatchWriteItem', { throttle: true }],
    ['Query', { throttle: true }],
  ] as const)('WHEN the answer of one %s is %j THEN the call is repeated and means the same', async (operation, effect) => {
    const sid = `S-1-5-21-1-1-${operation.length}-${Object.keys(effect)[0]?.length}`;
    const remove = endpoint.inject({ match: (call) => call.operation === operation, effect });
    try {
      await hints.keep(fifty(sid));
      expect(await hints.about([sid], at(0))).toHaveLength(50);
    } finally {
      remove();
    }
  });

  /** Leaves all but `taken` items of a batch unprocessed, as DynamoDB does when capacity runs out. */
  function takingAtMost(taken: number) {
    let calls = 0;
    const busy = new Proxy(client, {
      get: (target, name) => {
        if (name !== 'send') return Reflect.get(target, name, target) as unknown;
        return async (command: { input: { RequestItems?: Record<string, unknown[]> } }) => {
          const requests = command.input.RequestItems?.[actorsTable];
          if (requests === undefined) return target.send(command as unknown as QueryCommand);
          calls += 1;
          const [now, later] = [requests.slice(0, taken), requests.slice(taken)];
          if (now.length > 0) {
            command.input.RequestItems = { [actorsTable]: now };
            await target.send(command as unknown as QueryCommand);
          }
          return { UnprocessedItems: later.length > 0 ? { [actorsTable]: later } : {} };
        };
      },
    });
    return { hints: dynamoDbActorHints(busy, actorsTable), calls: () => calls };
  }

  test('WHEN a batch is taken in parts THEN the rest is sent again until all is kept', async () => {
    const busy = takingAtMost(10);
    await busy.hints.keep(fifty('S-1-5-21-1-1-1-10'));
    expect(busy.calls()).toBe(6);
    expect(await hints.about(['S-1-5-21-1-1-1-10'], at(0))).toHaveLength(50);
  });

  test('fails when the table takes nothing for long: the records are to come again', async () => {
    const busy = takingAtMost(0);
    await expect(busy.hints.keep([hint('S-1-5-21-1-1-1-11', 1)])).rejects.toThrow(RetryableError);
    expect(busy.calls()).toBe(5);
  });

  test('fails when the table does not exist, with the error of DynamoDB', async () => {
    const nowhere = dynamoDbActorHints(client, 'no-such-table');
    await expect(nowhere.keep([hint(userSid, 1)])).rejects.toThrow(/not found|resource/i);
    await expect(nowhere.about([userSid], at(0))).rejects.toThrow(/not found|resource/i);
  });

  test.each<[string, ActorHint, string]>([
    ['a SID', hint('S-1-5-21-1-1-1-12', 1), 'sid#S-1-5-21-1-1-1-12'],
    ['a GUID', hint(objectGuid, 1), `guid#${objectGuid}`],
  ])('a row about %s goes away an hour after its event', async (_, one, pk) => {
    await hints.keep([one]);
    const query = { TableName: actorsTable, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: toItem({ ':pk': pk }) };
    const { Items } = await client.send(new QueryCommand(query));
    expect((Items ?? []).map(fromItem)).toMatchObject([
      { sk: `${one.at}#${one.computer}#${one.recordId}`, expiresAt: (Date.parse(one.at) + 3_600_000) / 1_000 },
    ]);
  });
});
