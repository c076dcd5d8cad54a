/** Whose groups a mapping selects, where one directory is watched and where there are several. */
import { describe, expect, test } from 'vitest';
import type { RoleMapping } from '../../modules/index.ts';
import { existing, synthesize } from './integration.ts';

const sales = { ...existing, domain: 'sales.corp.example.com' } as const;
const lab = { ...existing, domain: 'lab.example.com' } as const;
const mappingOf = (mapping: Partial<RoleMapping>): RoleMapping => ({ id: 'x', group: { name: 'X' }, role: 'x', ...mapping });

/** The domains that the deployed configuration names for a mapping. */
function domainsOf(mapping: Partial<RoleMapping>, ...others: readonly (typeof sales | typeof lab)[]): readonly string[] {
  const template = synthesize({
    directories: [{ existing }, ...others.map((other) => ({ existing: other }))],
    roleMappings: [mappingOf(mapping)],
  });
  const { content } = template.all('aws_s3_object').find(({ key }) => key.startsWith('access/')) ?? {};
  return JSON.parse(content).mappings[0].domains;
}

describe('a mapping', () => {
  test('GIVEN one directory THEN groups of it are meant, and of none that was watched before', () => {
    expect(domainsOf({})).toEqual(['corp.example.com']);
    expect(domainsOf({ group: { sid: 'S-1-5-32-544' } })).toEqual(['corp.example.com']);
  });

  test.each<[Partial<RoleMapping>, string]>([
    [{ group: { dn: 'CN=X,OU=Groups,DC=corp,DC=example,DC=com' } }, 'corp.example.com'],
    [{ group: { dn: 'cn=x, dc=Sales, dc=corp, dc=example, dc=com' } }, 'sales.corp.example.com'],
    [{ group: { pattern: '^X-.+$', within: 'OU=Groups,DC=lab,DC=example,DC=com' } }, 'lab.example.com'],
    [{ domains: ['LAB.example.com'] }, 'LAB.example.com'],
  ])('GIVEN several directories WHEN %j says which THEN it is that one', (mapping, domain) => {
    expect(domainsOf(mapping, sales, lab)).toEqual([domain]);
  });

  test.each<[Partial<RoleMapping>, RegExp]>([
    [{}, /^roleMappings\.0\.domains is left out, and a group of each directory may be meant: name one or more of corp\.example\.com, /],
    [{ group: { sid: 'S-1-5-21-1-2-3-1104' } }, /^roleMappings\.0\.domains is left out/],
    [
      { domains: ['other.example.com'] },
      /^roleMappings\.0\.domains names "other\.example\.com", which no directory has: name one or more of/,
    ],
    [
      { group: { dn: 'CN=X,DC=other,DC=example,DC=com' } },
      /^roleMappings\.0\.group lies in "CN=X,DC=other.+", which no directory has: give/,
    ],
    [{ group: { name: 'X', within: 'OU=Groups' } }, /^roleMappings\.0\.group lies in "OU=Groups", which no directory has: give/],
  ])('invariant 7: fails WHEN several directories are watched and given %j', (mapping, message) => {
    expect(() => domainsOf(mapping, lab)).toThrow(message);
  });
});
