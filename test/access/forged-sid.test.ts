/** Invariant 7 where two watched domains give one SID to an account of theirs: one of them is forged or a copy. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { type MemoryMirror, memoryMirror } from '../directory/memory-mirror.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { Deciding } from './deciding.ts';

let mirror: MemoryMirror;
let deciding: Deciding;
let corp: WatchedDomain;
let partner: WatchedDomain;
let cora: ChangedObject;

/** A page of a domain, and the decisions that follow from it. */
async function decided(domain: WatchedDomain, ...objects: readonly ChangedObject[]): Promise<void> {
  const from = mirror.changes.length;
  await domain.page(...objects);
  await deciding.handle(mirror.changes.slice(from).flatMap(({ before, after }) => identityEvents(before, after)));
}

beforeEach(async () => {
  mirror = memoryMirror();
  deciding = new Deciding(mirror);
  corp = new WatchedDomain(mirror, 'corp.example.com', 1);
  partner = new WatchedDomain(mirror, 'partner.example.com', 3);
  // GIVEN Cora, a member of AWS-Developers at home
  cora = corp.user(5, 'Cora');
  await decided(corp, cora, corp.group(10, 'AWS-Developers', [cora]));
});

describe('invariant 7: GIVEN a user of another forest with the SID of somebody here', () => {
  test('THEN the user holds nothing of what the other holds', async () => {
    expect(deciding.held(corp.name, cora)).toEqual(['developers', 'everybody']);
    const forged = { ...partner.user(6, 'Mallory'), sid: cora.sid };
    await decided(partner, forged);
    expect(deciding.held(partner.name, forged)).toEqual([]);
  });

  test('THEN what the user holds at home stays, and a stand-in with that SID gives neither of them more', async () => {
    const forged = { ...partner.user(6, 'Mallory'), sid: cora.sid };
    const standIn = partner.foreignSecurityPrincipal(40, cora.sid);
    await decided(partner, forged, standIn, partner.group(30, 'AWS-Team-blue', [forged]), partner.group(31, 'AWS-Team-red', [standIn]));
    expect(deciding.held(partner.name, forged)).toEqual(['everybody', 'team-blue']);
    expect(deciding.held(corp.name, cora)).toEqual(['developers', 'everybody']);
  });
});
