/** What every store of actor hints has to hold, the one in memory and the one in DynamoDB. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ActorHint, ActorHints } from '../../../handlers/directory/security-log/actor-hints.ts';
import { admin } from './windows-events.ts';

export const at = (seconds: number): string => new Date(Date.parse('2025-03-01T10:00:00.000Z') + seconds * 1_000).toISOString();

export const hint = (subject: string, seconds: number, change: Partial<ActorHint> = {}): ActorHint => ({
  subject,
  action: 'changed',
  at: at(seconds),
  actor: admin,
  computer: 'dc1.corp.example.com',
  recordId: String(1_000 + seconds),
  ...change,
});

/** Subjects of each test's own. */
const newSid = () => `S-1-5-21-${randomUUID().replaceAll(/\D/g, '').slice(0, 9)}-1-1-1104`;
const inOrder = (hints: readonly ActorHint[]) =>
  [...hints].sort((one, other) => (JSON.stringify([one.at, one]) < JSON.stringify([other.at, other]) ? -1 : 1));

export function actorHintsContract(name: string, hints: ActorHints): void {
  describe(name, () => {
    test('WHEN hints were kept THEN all of them are found, with all they hold', async () => {
      const [sid, guid] = [newSid(), randomUUID()];
      const kept = [
        hint(sid, 1, { action: 'member-added', member: newSid() }),
        hint(sid, 2, { actor: { sid: 'S-1-5-18', name: 'S-1-5-18' } }),
        hint(guid, 3, { action: 'moved' }),
      ];
      await hints.keep(kept);
      expect(inOrder(await hints.about([sid, guid], at(0)))).toEqual(kept);
    });

    test('WHEN a hint is kept again THEN it is one hint', async () => {
      const sid = newSid();
      await hints.keep([hint(sid, 1), hint(sid, 1)]);
      await hints.keep([hint(sid, 1)]);
      expect(await hints.about([sid], at(0))).toEqual([hint(sid, 1)]);
    });

    test('GIVEN events of one millisecond THEN computer and record tell them apart', async () => {
      const sid = newSid();
      const same = [hint(sid, 1), hint(sid, 1, { recordId: '7' }), hint(sid, 1, { computer: 'dc2.corp.example.com' })];
      await hints.keep(same);
      expect(inOrder(await hints.about([sid], at(0)))).toEqual(inOrder(same));
    });

    test('WHEN hints since a time are asked for THEN that time counts, and none before', async () => {
      const sid = newSid();
      await hints.keep([hint(sid, 1), hint(sid, 2), hint(sid, 3)]);
      expect(inOrder(await hints.about([sid], at(2)))).toEqual([hint(sid, 2), hint(sid, 3)]);
      // The same moment, written otherwise.
      expect(inOrder(await hints.about([sid], at(2).replace('.000Z', '+00:00')))).toEqual([hint(sid, 2), hint(sid, 3)]);
    });

    test('GIVEN a subject that begins like another THEN its hints are its own', async () => {
      const sid = newSid();
      await hints.keep([hint(sid, 1), hint(`${sid}0`, 2)]);
      expect(await hints.about([sid], at(0))).toEqual([hint(sid, 1)]);
      expect(await hints.about([newSid()], at(0))).toEqual([]);
      expect(await hints.about([], at(0))).toEqual([]);
    });

    test('WHEN a subject is asked for twice, or its GUID in capitals, THEN each hint comes once', async () => {
      const guid = randomUUID();
      await hints.keep([hint(guid, 1)]);
      expect(await hints.about([guid, guid.toUpperCase(), guid], at(0))).toEqual([hint(guid, 1)]);
    });

    test('WHEN more than a batch is kept, and more than an answer (1 MB) holds, THEN none is missing', async () => {
      const sid = newSid();
      const many = Array.from({ length: 300 }, (_, index) => hint(sid, index, { actor: { sid: admin.sid, name: 'x'.repeat(4_000) } }));
      await hints.keep(many);
      expect(await hints.about([sid], at(0))).toHaveLength(many.length);
      const subjects = Array.from({ length: 60 }, newSid);
      await hints.keep(subjects.map((subject) => hint(subject, 1)));
      expect(await hints.about(subjects, at(0))).toHaveLength(subjects.length);
    });
  });
}
