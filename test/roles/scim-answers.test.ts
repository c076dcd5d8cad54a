/** SCIM servers that answer otherwise than most, ignore what they do not know, or change under way. */
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Profile } from '../../handlers/access/grants.ts';
import { TargetConflictError } from '../../handlers/roles/target.ts';
import { type StoredResource, startScimServer } from '../../sandbox/scim-server.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { ada, mark, person } from './contract-fixtures.ts';
import { caught, status, trickery } from './scim-trickery.ts';
import { scimTargetOf } from './scim-world.ts';

const { server, target, trick, once, reset } = await trickery();

afterEach(() => reset());
afterAll(() => server.close());

describe('a server with answers of its own', () => {
  /** Does what it is told, and answers otherwise. */
  const answering = (method: string, answer: (body: Record<string, unknown>) => [number, Record<string, string>, object?]) => {
    trick((request, response, next) => {
      if (request.method !== method) return next();
      const send = response.send.bind(response);
      response.send = (body: unknown) => {
        if (typeof body === 'string') return send(body); // Express comes back with what it made of the object.
        const [code, headers, shown] = answer(JSON.parse(JSON.stringify(body ?? {})) as Record<string, unknown>);
        response.status(code).set(headers);
        return shown === undefined ? response.end() : send(shown);
      };
      next();
    });
  };

  test.each<[string, (body: Record<string, unknown>) => [number, Record<string, string>, object?]]>([
    ['200 instead of 201', (body) => [200, {}, body]],
    ['its place alone', (body) => [201, { location: `https://scim.example.com/v2/Users/${body.id}` }]],
    ['nothing at all', () => [204, {}]],
    ['the id alone', ({ id }) => [201, {}, { id: String(id) }]],
  ])('WHEN it answers a new account with %s THEN the account is known', async (_, answer) => {
    answering('POST', answer);
    const { id } = await target.createAccount(mark, ada);
    expect([...server.users.keys()]).toEqual([id]);
    const role = await target.createRole('developers');
    expect([...server.groups.keys()]).toEqual([role]);
  });

  test.each<[string, (body: Record<string, unknown>) => [number, Record<string, string>, object?]]>([
    ['200 and the resource', (body) => [200, {}, body]],
    ['200 and nothing', () => [200, {}]],
    ['204', () => [204, {}]],
  ])('WHEN it answers changes with %s THEN they are done and verified', async (_, answer) => {
    answering('PATCH', answer);
    const { id } = await target.createAccount(mark, ada);
    const role = await target.createRole('developers');
    await target.setActive?.(id, mark, false);
    await target.updateAccount(id, ada, { ...ada, displayName: 'Ada' });
    expect(await target.findMember(role, id)).toBeUndefined();
    const membership = await target.addMember(role, id);
    expect(await target.findMember(role, id)).toBe(membership);
    expect(await target.readAccount(id)).toMatchObject({ active: false, profile: { displayName: 'Ada' } });
    await target.removeMember(membership);
    expect(await target.findMember(role, id)).toBeUndefined();
  });

  test.each([404, 400])('WHEN it answers %d to the removal of who is no member THEN that is fine', async (code) => {
    const { id } = await target.createAccount(mark, ada);
    const membership = await target.addMember(await target.createRole('developers'), id);
    await target.removeMember(membership);
    trick((request, response, next) => (request.method === 'PATCH' ? status(code)(request, response, next) : next()));
    await target.removeMember(membership);
    expect(await target.findMember(membership.split('/')[0] ?? '', id)).toBeUndefined();
  });

  test('fails when it refuses to remove who is a member', async () => {
    const { id } = await target.createAccount(mark, ada);
    const membership = await target.addMember(await target.createRole('developers'), id);
    trick((request, response, next) => (request.method === 'PATCH' ? status(400)(request, response, next) : next()));
    expect(await caught(target.removeMember(membership))).toMatchObject({ name: 'ScimError', status: 400 });
  });

  test('fails for a name that is taken, with a remedy, and says that nothing was made', async () => {
    await target.createAccount(mark, ada);
    const error = await caught(target.createAccount({ domain, guid: guidOf(2) }, ada));
    expect(error).toBeInstanceOf(TargetConflictError);
    expect(error).toMatchObject({ nothingMade: true, remedy: expect.stringContaining('user principal name') });
    expect(error.message).toContain('409 uniqueness');
  });

  test('fails for a name that is taken after a repeat, and does not say that nothing was made', async () => {
    once(status(503));
    await target.createAccount(mark, ada);
    once(status(503));
    expect(await caught(target.createAccount({ domain, guid: guidOf(2) }, ada))).toMatchObject({ nothingMade: false });
  });
});

describe('a server that ignores what it does not know', () => {
  const ignoring = (attribute: string) => {
    trick((request, _response, next) => {
      const body = request.body as Record<string, unknown> | undefined;
      if (request.method === 'POST' && body) delete body[attribute];
      if (request.method === 'PATCH' && Array.isArray(body?.Operations)) {
        for (const operation of body.Operations as { path: string; op: string; value: unknown }[]) {
          if (operation.path === attribute) Object.assign(operation, { op: 'replace', path: 'displayName', value: 'as before' });
        }
      }
      next();
    });
  };

  test('fails, with a remedy, when it ignores externalId: nobody could tell what is ours', async () => {
    ignoring('externalId');
    const error = await caught(target.createAccount(mark, ada));
    expect(error).toMatchObject({
      name: 'TargetConflictError',
      nothingMade: false,
      message: expect.stringContaining('does not keep the externalId'),
    });
    expect(await caught(target.createRole('developers'))).toMatchObject({ name: 'TargetConflictError' });
  });

  test('fails, with a remedy, when it ignores active', async () => {
    const { id } = await target.createAccount(mark, ada);
    ignoring('active');
    expect(await caught(target.setActive?.(id, mark, false) ?? Promise.resolve())).toMatchObject({
      name: 'TargetConflictError',
      message: expect.stringContaining('stays active'),
      remedy: expect.stringMatching(/\S/),
    });
  });

  test('fails, with a remedy, when it ignores members', async () => {
    const { id } = await target.createAccount(mark, ada);
    const role = await target.createRole('developers');
    ignoring('members');
    expect(await caught(target.addMember(role, id))).toMatchObject({
      name: 'TargetConflictError',
      message: expect.stringContaining('did not take'),
      remedy: expect.stringMatching(/\S/),
    });
  });

  test('fails when it ignores filters: nobody is taken for absent', async () => {
    await target.createAccount(mark, ada);
    trick((request, _response, next) => {
      delete request.query.filter;
      next();
    });
    const looking = target.findAccount({ domain, guid: guidOf(2) }, person(2), undefined);
    expect(await caught(looking)).toMatchObject({ name: 'StrangeAnswerError', message: expect.stringContaining('does not filter') });
  });
});

describe('a server with versions', () => {
  /** Somebody else is faster, so many times. */
  const outrun = (id: string, times: number, change: Partial<StoredResource>) => {
    let left = times;
    trick((request, _response, next) => {
      const user = server.users.get(id);
      if (request.headers['if-match'] !== undefined && user && left > 0) {
        left -= 1;
        const version = `W/"${Number(/\d+/.exec(user.meta.version)?.[0]) + 1}"`;
        server.users.set(id, { ...user, ...change, meta: { ...user.meta, version } });
      }
      next();
    });
  };

  test('GIVEN a user that changes under way WHEN it is made inactive THEN it is read again, and is inactive', async () => {
    const { id } = await target.createAccount(mark, ada);
    outrun(id, 1, { displayName: 'Another' });
    await target.setActive?.(id, mark, false);
    expect(server.users.get(id)).toMatchObject({ active: false, displayName: 'Another' });
    expect(server.requests.filter(({ method }) => method === 'PATCH').map(({ headers }) => headers['if-match'])).toEqual([
      'W/"1"',
      'W/"2"',
    ]);
  });

  test('invariant 5: GIVEN a user whose mark goes under way THEN it is not deleted', async () => {
    const { id } = await target.createAccount(mark, ada);
    outrun(id, 1, { externalId: undefined });
    await expect(target.deleteAccount(id, mark)).rejects.toThrow(TargetConflictError);
    expect(server.users.has(id)).toBe(true);
  });

  test('fails when it changes all the time', async () => {
    const { id } = await target.createAccount(mark, ada);
    outrun(id, 99, {});
    expect(await caught(target.deleteAccount(id, mark))).toMatchObject({ name: 'ScimError', status: 412 });
  });
});

test('GIVEN a server that takes two groups of one name WHEN two runs make one role THEN both use the older, and one is left', async () => {
  const lax = await startScimServer({ uniqueGroups: false });
  try {
    const [one, other] = [scimTargetOf(lax.url), scimTargetOf(lax.url)];
    const id = await one.createRole('developers');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await caught(other.createRole('developers'))).toMatchObject({ name: 'RetryableError' });
    expect(await other.findRole('developers', undefined)).toBe(id);
    expect([...lax.groups.keys()]).toEqual([id]);
  } finally {
    await lax.close();
  }
});

test('GIVEN a server that takes two users of one mail WHEN two people share one THEN each has an account', async () => {
  const lax = await startScimServer({ uniqueMail: false });
  try {
    const shared: Profile = { ...person(2), email: ada.email };
    const both = scimTargetOf(lax.url);
    const ids = [await both.createAccount(mark, ada), await both.createAccount({ domain, guid: guidOf(2) }, shared)].map(({ id }) => id);
    expect(new Set(ids).size).toBe(2);
  } finally {
    await lax.close();
  }
});
