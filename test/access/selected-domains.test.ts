/** Invariant 7: a group gives a role only in the directory, and the place, that a mapping means, whatever it is called elsewhere. */
import { describe, expect, test } from 'vitest';
import { decide } from '../../handlers/access/decide.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import type { ObjectRow } from '../../handlers/directory/mirror.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { accessOf, Deciding } from './deciding.ts';
import { contextOf, group, member, user } from './decisions.ts';

const roles = (mapping: Partial<RoleMapping>, ...rows: readonly ObjectRow[]) => {
  const item = decide(
    user(),
    member(...rows),
    undefined,
    contextOf({ mappings: [{ id: 'x', group: { name: 'X' }, role: 'x', ...mapping }] }),
  );
  return Object.keys(item?.grants ?? {});
};
const x = group(10, 'AWS-X');
const elsewhere = { ...x, domain: 'partner.example.com', pk: `partner.example.com#${x.guid}` };

describe('GIVEN a group of the mapped name, SID or DN in another directory', () => {
  test.each<RoleMapping['group']>([{ name: 'AWS-X' }, { pattern: '^AWS-.+$' }, { sid: String(x.sid) }, { dn: x.dn }])(
    'WHEN a mapping of %j is for ours THEN only our group gives the role',
    (selector) => {
      const mapping = { group: selector, domains: ['Corp.example.com'] };
      expect(roles(mapping, elsewhere)).toEqual([]);
      expect(roles(mapping, elsewhere, x)).toEqual(['identity-center/x']);
      expect(roles({ group: selector }, elsewhere)).toEqual(['identity-center/x']);
    },
  );

  test('WHEN it is one that excludes THEN it excludes in every directory', () => {
    const exclude = { groups: [{ name: 'AWS-X' }] };
    expect(roles({ group: { name: 'AWS-Y' }, domains: ['corp.example.com'], exclude }, group(11, 'AWS-Y'), elsewhere)).toEqual([]);
  });
});

describe('GIVEN a mapping of groups within a container', () => {
  const within = 'ou=groups, dc=corp, dc=example, dc=com';
  const moved = (dn: string) => ({ ...x, dn });
  test.each<[dn: string, gives: boolean]>([
    ['CN=AWS-X,OU=Groups,DC=corp,DC=example,DC=com', true],
    ['CN=AWS-X,OU=AWS,OU=Groups,DC=corp,DC=example,DC=com', true],
    ['CN=AWS-X,OU=Own Groups,DC=corp,DC=example,DC=com', false],
    ['CN=AWS-X,OU=Helpdesk,DC=corp,DC=example,DC=com', false],
    ['CN=AWS-X\\,OU\\=Groups\\,DC\\=corp\\,DC\\=example\\,DC\\=com,DC=corp,DC=example,DC=com', false],
    ['OU=Groups,DC=corp,DC=example,DC=com', false],
    ['no name at all', false],
  ])('WHEN the group is %s THEN it gives the role: %s', (dn, gives) => {
    for (const selector of [
      { name: 'AWS-X', within },
      { pattern: '^AWS-.+$', within },
    ])
      expect(roles({ group: selector }, moved(dn))).toEqual(gives ? ['identity-center/x'] : []);
  });

  test('WHEN a group that excludes lies nobody knows where THEN it excludes', () => {
    const exclude = { groups: [{ name: 'AWS-X', within }] };
    const y = group(11, 'AWS-Y');
    expect(roles({ group: { name: 'AWS-Y' }, exclude }, y, moved('no name at all'))).toEqual([]);
    expect(roles({ group: { name: 'AWS-Y' }, exclude }, y, moved('CN=AWS-X,OU=Helpdesk,DC=corp,DC=example,DC=com'))).toEqual([
      'identity-center/x',
    ]);
  });
});

test('WHEN a directory joins whose group has a mapped name THEN its members are neither looked at nor given anything', async () => {
  const mirror = memoryMirror();
  const [corp, partner] = [new WatchedDomain(mirror, 'corp.example.com', 1), new WatchedDomain(mirror, 'partner.example.com', 3)];
  const [cora, mallory] = [corp.user(5, 'Cora'), partner.user(6, 'Mallory')];
  await corp.page(cora, corp.group(10, 'AWS-Developers', [cora]));
  await partner.page(mallory, partner.group(10, 'AWS-Developers', [mallory]));
  const deciding = new Deciding(mirror, ['corp.example.com', 'partner.example.com']);
  const loaded = accessOf({ mappings: [{ id: 'x', group: { name: 'AWS-Developers' }, role: 'x', domains: ['corp.example.com'] }] });
  deciding.deps = { ...deciding.deps, access: async () => loaded };
  await deciding.decide({ revalidation: { of: 'groups' }, cause: { id: 'x', type: 'Revalidation' } });
  expect(deciding.lookedAt()).toEqual([cora.guid]);
  await deciding.settle();
  expect([deciding.held('corp.example.com', cora), deciding.held('partner.example.com', mallory)]).toEqual([['x'], []]);
});
