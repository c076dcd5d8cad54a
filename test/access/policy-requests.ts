/** Requests for the tests of policies: Ada Example, her groups, and a role. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createAuthorizer, type GrantRequest, type Verdict } from '../../handlers/access/policies/authorizer.ts';
import type { PolicyFile } from '../../handlers/access/policies/policy-set.ts';
import type { ObjectRow } from '../../handlers/directory/mirror.ts';
import type { EffectiveGroup } from '../../handlers/directory/principals.ts';
import { base, domain, fileTimeOf, groupObject, objectRow, userObject } from '../directory/rows.ts';

export const now = '2025-03-01T10:00:00.000Z';

/** The attributes that a directory watch always has, and a password of last month. */
export const ada = (attributes: Record<string, readonly string[]> = {}, change: Partial<ObjectRow> = {}): ObjectRow =>
  objectRow(userObject(1, 'Ada', { pwdLastSet: [fileTimeOf('2025-02-01T08:00:00Z')], ...attributes }), change);

export const inUnit = (unit: string): Partial<ObjectRow> => ({ dn: `CN=Ada,OU=${unit},${base}` });

/** Groups of the domain with these names. */
export const groupsNamed = (...names: readonly string[]): readonly EffectiveGroup[] =>
  names.map((name, index) => ({ row: objectRow(groupObject(100 + index, name)), path: [] }));

export const request = (change: Partial<GrantRequest> = {}): GrantRequest => ({
  principal: ada(),
  groups: [],
  role: { target: 'identity-center', name: 'Developers', labels: [], assignments: [] },
  context: { now, existing: false, mapping: 'developers' },
  ...change,
});

export const labelled = (...labels: readonly string[]): Pick<GrantRequest, 'role'> => ({
  role: { target: 'identity-center', name: 'Developers', labels, assignments: [] },
});

export const permitAll: PolicyFile = { name: 'all.cedar', text: '@id("all") permit (principal, action, resource);' };

/** Asks policies of a text, beside one that permits everything. */
export function ask(text: string, change: Partial<GrantRequest> = {}, attributes: readonly string[] = []): Verdict {
  return createAuthorizer({ policies: [permitAll, { name: 'team.cedar', text }], attributes }).authorize(request(change));
}

/** Ids of what denies; an empty list where it is allowed. */
export const deniedBy = (verdict: Verdict): readonly string[] =>
  verdict.allowed ? [] : [verdict.reason, ...verdict.policies.map(({ id }) => id)];

/** The policy files of a folder of the project. */
export function policyFiles(folder: string): readonly PolicyFile[] {
  const path = new URL(`../../${folder}/`, import.meta.url);
  return readdirSync(fileURLToPath(path))
    .filter((name) => name.endsWith('.cedar'))
    .map((name) => ({ name, text: readFileSync(new URL(name, path), 'utf8') }));
}

export { domain };
