/** Ids of a role message in its FIFO queue: they decide on its order, and on what SQS drops. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { roleEntry } from '../../handlers/access/role-entry.ts';
import type { PrincipalMessage } from '../../handlers/access/role-message.ts';

const message: PrincipalMessage = {
  domain: 'corp.example.com',
  guid: '00000000-0000-4000-8000-000000000001',
  revision: 7,
  cause: { id: 'decision-1', type: 'AccessDecided' },
};

describe('a role message', () => {
  test('THEN its group is the principal, by domain and GUID', () => {
    expect(roleEntry(message).MessageGroupId).toBe('corp.example.com#00000000-0000-4000-8000-000000000001');
    expect(roleEntry({ ...message, revision: 8 }).MessageGroupId).toBe(roleEntry(message).MessageGroupId);
    expect(roleEntry({ ...message, domain: 'partner.example.com' }).MessageGroupId).not.toBe(roleEntry(message).MessageGroupId);
  });

  test('THEN the same message again is a duplicate, and no other is', () => {
    const id = (change: Partial<PrincipalMessage> = {}) => roleEntry({ ...message, ...change }).MessageDeduplicationId;
    const others = [
      { revision: 8 },
      { domain: 'partner.example.com' },
      { guid: '00000000-0000-4000-8000-000000000002' },
      { cause: { id: 'approval-1', type: 'GuardDecided' } },
      { drift: { run: 'r', kinds: ['membership-missing'] as const } } as Partial<PrincipalMessage>,
    ];
    expect(id()).toBe(id());
    expect(new Set([id(), ...others.map((change) => id(change))]).size).toBe(others.length + 1);
    expect(id()).toMatch(/^7-/);
  });

  test('of a role THEN its group is the role, without regard to case, and that of no principal', () => {
    const ofRole = (role: string, run = 'run-1') =>
      roleEntry({
        ...{ role, extraMembers: [], assignments: [], cause: message.cause },
        drift: { run, kinds: ['membership-extra'] },
      });
    expect(ofRole('Developers').MessageGroupId).toBe(ofRole('developers').MessageGroupId);
    expect(ofRole('developers').MessageGroupId).not.toBe(ofRole('admins').MessageGroupId);
    expect(ofRole('developers', 'run-2').MessageDeduplicationId).not.toBe(ofRole('developers').MessageDeduplicationId);
    expect(ofRole('Ärzte und Pfleger').MessageGroupId).toMatch(/^[!-~]{1,128}$/);
  });

  test('THEN both ids are such as SQS takes, whatever the domain is called, and different for different principals', () => {
    const domains = fc.oneof(fc.domain(), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 }));
    fc.assert(
      fc.property(fc.uniqueArray(domains, { minLength: 2, maxLength: 2 }), fc.nat(Number.MAX_SAFE_INTEGER), (names, revision) => {
        const entries = names.map((domain) => roleEntry({ ...message, domain, revision }));
        for (const { MessageGroupId, MessageDeduplicationId, MessageBody } of entries) {
          expect(MessageGroupId).toMatch(/^[!-~]{1,128}$/);
          expect(MessageDeduplicationId).toMatch(/^[!-~]{1,128}$/);
          expect(JSON.parse(MessageBody).revision).toBe(revision);
        }
        expect(new Set(entries.map(({ MessageGroupId }) => MessageGroupId)).size).toBe(2);
      }),
    );
  });
});
