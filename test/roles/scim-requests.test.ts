/** What goes to a SCIM server: requests as RFC 7644 and IAM Identity Center's guide write them, few of them, and no name that breaks out. */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Profile } from '../../handlers/access/grants.ts';
import { and, eq } from '../../handlers/roles/targets/scim/filters.ts';
import { accountMark, accountMarkOf, roleMark, roleMarkOf } from '../../handlers/roles/targets/scim/marks.ts';
import { type ScimServer, type StoredResource, startScimServer } from '../../sandbox/scim-server.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { ada, everything, mark, person } from './contract-fixtures.ts';
import { identityCenterProfile } from './identity-center-scim-profile.ts';
import { scimTargetOf } from './scim-world.ts';
import { atOnce } from './target-world.ts';

const server = await startScimServer();
const restricted = await startScimServer({ front: identityCenterProfile });
/** Requests are counted here: a slow machine must not make one of them come twice. */
const patient = { limits: { timeoutMs: 60_000, maxBytes: 4_000_000 } };
const standard = scimTargetOf(server.url, {}, atOnce, patient);
const identityCenter = scimTargetOf(restricted.url, { profile: 'identity-center' }, atOnce, patient);
const patches = ({ requests }: ScimServer) =>
  requests.flatMap(({ method, path, body }) =>
    method === 'PATCH' && path.includes('/Groups/') ? [(body as { Operations: unknown[] }).Operations] : [],
  );

beforeEach(() => {
  for (const one of [server, restricted]) {
    one.users.clear();
    one.groups.clear();
    one.requests.length = 0;
  }
});
afterAll(async () => {
  await server.close();
  await restricted.close();
});

const membersOf = ({ groups }: ScimServer, role: string): string[] =>
  ((groups.get(role)?.members ?? []) as { value: string }[]).map(({ value }) => value);
/** What an administrator does at the server. */
const edit = (resources: Map<string, StoredResource>, id: string, attributes: object): void => {
  const before = resources.get(id);
  if (before) resources.set(id, { ...before, ...attributes });
};

/** So many users and a group, which nobody counts. */
async function given(number: number, { users, requests }: ScimServer, target: typeof standard) {
  const meta = { created: new Date().toISOString(), lastModified: new Date().toISOString(), version: 'W/"1"' };
  for (let one = 1; one <= number; one += 1) users.set(`u${one}`, { id: `u${one}`, userName: `u${one}`, meta });
  const role = await target.createRole('developers');
  requests.length = 0;
  return { role, ids: [...users.keys()] };
}

describe('members', () => {
  test.each<[string, ScimServer, typeof standard]>([
    ['a SCIM server', server, standard],
    ['Identity Center', restricted, identityCenter],
  ])('GIVEN 250 changes that come together at %s THEN they go out in three requests, and all are done', async (_, at, target) => {
    const { role, ids } = await given(250, at, target);
    const memberships = await Promise.all(ids.map((id) => target.addMember(role, id)));
    expect(at.requests).toHaveLength(3);
    expect(membersOf(at, role)).toHaveLength(250);
    await Promise.all(memberships.map((id) => target.removeMember(id)));
    expect(at.requests).toHaveLength(6);
    expect(at.groups.get(role)?.members).toEqual([]);
  });

  test('GIVEN changes that come while a request is under way THEN they go out together in the next', async () => {
    const { role, ids } = await given(5, restricted, identityCenter);
    const [first = '', ...others] = ids;
    const adding = identityCenter.addMember(role, first);
    await new Promise((resolve) => setTimeout(resolve, 1));
    await Promise.all([adding, ...others.map((id) => identityCenter.addMember(role, id))]);
    expect(restricted.requests.length).toBeLessThanOrEqual(2);
    expect(membersOf(restricted, role)).toHaveLength(5);
  });

  test('GIVEN one who is added, removed and added again at once THEN the last word counts', async () => {
    const { role, ids } = await given(2, server, standard);
    const [first = '', second = ''] = ids;
    const membership = `${role}/${first}`;
    const changes = [
      standard.addMember(role, first),
      standard.removeMember(membership),
      standard.addMember(role, second),
      standard.addMember(role, first),
    ];
    await Promise.all(changes);
    expect(membersOf(server, role).sort()).toEqual([first, second]);
    await Promise.all([standard.addMember(role, second), standard.removeMember(`${role}/${second}`)]);
    expect(server.groups.get(role)?.members).toMatchObject([{ value: first }]);
  });

  test('THEN they are removed by a filter at a server of the RFC, where values alone would remove all (RFC 7644 section 3.5.2.2)', async () => {
    const { role, ids } = await given(3, server, standard);
    await Promise.all(ids.map((id) => standard.addMember(role, id)));
    await Promise.all(['u1', 'u2'].map((id) => standard.removeMember(`${role}/${id}`)));
    expect(patches(server)).toEqual([
      [{ op: 'add', path: 'members', value: [{ value: 'u1' }, { value: 'u2' }, { value: 'u3' }] }],
      [
        { op: 'remove', path: 'members[value eq "u1"]' },
        { op: 'remove', path: 'members[value eq "u2"]' },
      ],
    ]);
    expect(server.groups.get(role)?.members).toMatchObject([{ value: 'u3' }]);
  });

  test('THEN they are removed by values at Identity Center, as its guide has it', async () => {
    const { role } = await given(1, restricted, identityCenter);
    await identityCenter.addMember(role, 'u1');
    await identityCenter.removeMember(`${role}/u1`);
    expect(patches(restricted)[1]).toEqual([{ op: 'remove', path: 'members', value: [{ value: 'u1' }] }]);
  });

  test('WHEN one grant is made and one is ended with proof THEN that costs three calls', async () => {
    const { role } = await given(1, restricted, identityCenter);
    const membership = await identityCenter.addMember(role, 'u1');
    await identityCenter.removeMember(membership);
    expect(await identityCenter.findMember(role, 'u1')).toBeUndefined();
    expect(restricted.requests).toHaveLength(3);
  });

  test('fails for a membership id that is none', async () => {
    for (const id of ['', 'x', '/x', 'x/']) await expect(standard.removeMember(id)).rejects.toThrow(TypeError);
    expect(server.requests).toEqual([]);
  });
});

describe("IAM Identity Center's restrictions", () => {
  const ask = (method: string, path: string, body?: object) =>
    fetch(`${restricted.url}${path}`, {
      method,
      headers: { authorization: 'Bearer token', 'content-type': 'application/scim+json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  const patch = (Operations: object[]) => ({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations });

  test('THEN the server before which these tests run does refuse what it should', async () => {
    const { role } = await given(101, restricted, identityCenter);
    const values = [...restricted.users.keys()].map((value) => ({ value }));
    const refused: [string, string, object?][] = [
      ['GET', '/Users?startIndex=1'],
      ['GET', '/Users?count=51'],
      ['GET', '/Groups?excludedAttributes=members'],
      ['GET', `/Users?filter=${encodeURIComponent('userName co "u"')}`],
      ['GET', `/Users?filter=${encodeURIComponent('userName eq "u" or userName eq "v"')}`],
      ['GET', `/Groups?filter=${encodeURIComponent('meta.created eq "u"')}`],
      ['POST', '/Users', { userName: 'x', displayName: 'x' }],
      ['PATCH', `/Groups/${role}`, patch([{ op: 'add', path: 'members', value: values }])],
      ['PATCH', `/Groups/${role}`, patch([{ op: 'remove', path: 'members' }])],
      ['PATCH', `/Groups/${role}`, patch([{ op: 'replace', path: 'members', value: values.slice(0, 1) }])],
      ['PATCH', `/Groups/${role}`, patch([{ op: 'remove', path: 'members[value eq "u1"]' }])],
      ['PATCH', '/Users/u1', patch([{ op: 'remove', path: 'userName' }])],
      ['PATCH', '/Users/u1', patch([{ op: 'replace', path: 'password', value: 'x' }])],
      ['POST', '/Bulk', {}],
      ['POST', '/Users/.search', {}],
    ];
    for (const [method, path, body] of refused) expect((await ask(method, path, body)).status, path).toBeOneOf([400, 501]);
    expect((await ask('GET', '/Users?count=50')).status).toBe(200);
  });

  test('GIVEN 120 users and 60 groups WHEN they are listed THEN each page has at most 50, and all are there', async () => {
    await given(120, restricted, identityCenter);
    for (let group = 1; group < 60; group += 1) await identityCenter.createRole(`role ${group}`);
    restricted.requests.length = 0;
    expect(await everything((after) => identityCenter.listAccounts(after))).toMatchObject({ pages: 3, items: { length: 120 } });
    expect(await everything((after) => identityCenter.listRoles(after))).toMatchObject({ pages: 2, items: { length: 60 } });
    expect(restricted.requests).toHaveLength(5);
  });

  test('invariant 3: fails when more may be there than the server lists without a cursor', async () => {
    await given(60, restricted, identityCenter);
    const cut = await startScimServer({
      front: (store) => (request, response, next) => {
        delete request.query.cursor;
        for (const [id, user] of restricted.users) store.users.set(id, user);
        identityCenterProfile(store)(request, response, next);
      },
    });
    try {
      const target = scimTargetOf(cut.url, { profile: 'identity-center' });
      await expect(target.listAccounts(undefined)).rejects.toThrow(/not complete \(the server gives 50 of 50 and no cursor\)/);
      restricted.users.clear();
      cut.users.clear();
      expect(await target.listAccounts(undefined)).toEqual({ items: [], after: undefined });
    } finally {
      await cut.close();
    }
  });
});

describe('attributes', () => {
  const whole: Profile = { ...ada, title: 'Engineer', phoneNumber: '+49 30 1234', department: 'Research', employeeNumber: '42' };

  test.each<[string, typeof standard]>([
    ['a SCIM server', standard],
    ['Identity Center', identityCenter],
  ])('WHEN all of them are set, changed and taken away at %s THEN the account shows it', async (_, target) => {
    const { id } = await target.createAccount(mark, whole);
    expect(await target.readAccount(id)).toMatchObject({ profile: whole });
    const changed: Profile = { ...whole, title: 'Head', phoneNumber: '+49 30 9', department: 'Sales', employeeNumber: '43' };
    await target.updateAccount(id, whole, changed);
    expect((await target.readAccount(id))?.profile).toEqual(changed);
    await target.updateAccount(id, changed, ada);
    expect((await target.readAccount(id))?.profile).toEqual(ada);
    await target.updateAccount(id, ada, whole);
    expect((await target.readAccount(id))?.profile).toEqual(whole);
  });

  test('WHEN nothing changed THEN nothing is sent', async () => {
    await standard.updateAccount('x', whole, { ...whole });
    expect(server.requests).toEqual([]);
  });
});

describe('filters', () => {
  test('THEN they are written as RFC 7644 section 3.4.2.2 has them', () => {
    expect(eq('userName', 'bjensen')).toBe('userName eq "bjensen"');
    expect(eq('name.familyName', "O'Malley")).toBe(`name.familyName eq "O'Malley"`);
    expect(and(eq('id', 'g'), eq('members', 'u'))).toBe('id eq "g" and members eq "u"');
    expect(eq('userName', 'a" or userName pr or userName eq "')).toBe('userName eq "a\\" or userName pr or userName eq \\""');
    expect(eq('userName', 'back\\slash')).toBe('userName eq "back\\\\slash"');
  });

  test('GIVEN a name that looks like a filter WHEN it is looked up THEN nobody else is found', async () => {
    await standard.createAccount(mark, ada);
    const odd = { ...person(2), userName: `x"or"userName"eq"${ada.userName}\\` };
    expect(await standard.findAccount({ domain, guid: guidOf(2) }, odd, undefined)).toBeUndefined();
    const { id } = await standard.createAccount({ domain, guid: guidOf(2) }, odd);
    edit(server.users, id, { externalId: undefined });
    await expect(standard.findAccount({ domain, guid: guidOf(2) }, odd, undefined)).rejects.toMatchObject({ name: 'TargetConflictError' });
  });
});

describe('marks', () => {
  test('GIVEN one GUID in two domains THEN they are two principals', () => {
    const other = { ...mark, domain: 'other.example.com' };
    expect(accountMark(mark)).not.toBe(accountMark(other));
    expect(accountMarkOf(accountMark(other))).toEqual(other);
  });

  test.each([
    undefined,
    null,
    7,
    '',
    guidOf(1),
    `a/b/${guidOf(1)}`,
    `${domain}/x`,
    ` /${guidOf(1)}`,
    `${domain}/${'A'.repeat(8)}-0000-4000-8000-000000000001`,
  ])('invariant 5: THEN %j is no mark of ours', (externalId) => {
    expect(accountMarkOf(externalId)).toBeUndefined();
    expect(roleMarkOf(externalId)).toBeUndefined();
  });

  test.each(['active-directory-lambda/role/a b', 'active-directory-lambda/role/%zz', 'active-directory-lambda/role/Upper', 'role/a'])(
    'invariant 5: THEN %j is no mark of a role of ours',
    (externalId) => {
      expect(roleMarkOf(externalId)).toBeUndefined();
    },
  );
});

const sharedData = new URL('../../../shared/data/odd-names.json', import.meta.url);
const oddNames = existsSync(sharedData)
  ? (JSON.parse(readFileSync(sharedData, 'utf8')) as { readonly valid: boolean; readonly expectedFirstValue?: string }[])
  : [];

test.runIf(!existsSync(sharedData))('needs shared/data/odd-names.json', ({ skip }) => {
  console.warn('shared/data/odd-names.json is absent: odd names are not tried');
  if (process.env.CI) throw new Error('shared/data/odd-names.json is absent in CI');
  skip('shared/data is absent');
});

test.runIf(oddNames.length > 0)(
  'GIVEN odd names WHEN roles of them are made THEN each is marked, found, listed and renamed back',
  async () => {
    const names = new Map(
      oddNames.flatMap(({ valid, expectedFirstValue: name }) => (valid && name?.trim() ? [[name.toLowerCase(), name]] : [])),
    );
    expect(names.size).toBeGreaterThan(10);
    for (const name of names.values()) {
      expect(roleMarkOf(roleMark(name)), name).toBe(name.toLowerCase());
      expect(await standard.findRole(name, undefined), name).toBeUndefined();
      const id = await standard.createRole(name);
      expect(await standard.findRole(name, undefined), name).toBe(id);
      edit(server.groups, id, { displayName: `renamed ${id}` });
      await standard.renameRole(id, name);
      expect(server.groups.get(id)?.displayName, name).toBe(name);
    }
    const { items } = await everything((after) => standard.listRoles(after));
    expect(items.map(({ mark: name }) => name).sort()).toEqual([...names.keys()].sort());
  },
);
