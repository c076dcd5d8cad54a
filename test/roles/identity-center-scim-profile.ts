/**
 * What IAM Identity Center's SCIM endpoint refuses and shows differently, before a SCIM server that knows all of RFC 7644.
 *
 * Source: "IAM Identity Center SCIM Implementation Developer Guide": limitations, ListUsers, ListGroups, CreateUser, PatchUser, PatchGroup.
 */
import type { Request, RequestHandler, Response } from 'express';
import type { ScimStore, StoredResource } from '../../sandbox/scim-server.ts';

const pageLimit = 50;
const changesLimit = 100;
const groupAttributes = /^(?:displayName|externalId|members)$/;
const userAttributes =
  /^(?:userName|active|externalId|displayName|nickName|profileUrl|title|userType|preferredLanguage|locale|timezone|name(?:\.\w+)?|emails|addresses|phoneNumbers|urn:ietf:params:scim:schemas:extension:enterprise:2\.0:User:\w+)$/;
const filters = {
  Users: /^(?:(?:userName|externalId|groups\.value) eq "(?:[^"\\]|\\.)*"|(?:id|manager) eq "[^"]*" and (?:id|manager) eq "[^"]*")$/,
  Groups:
    /^(?:(?:displayName|externalId|members\.value) eq "(?:[^"\\]|\\.)*"|id eq "[^"]*" and members eq "[^"]*"|members eq "[^"]*" and id eq "[^"]*")$/,
};

class Refused extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Operation {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly value?: unknown;
}

export const identityCenterProfile =
  (store: ScimStore): RequestHandler =>
  (request, response, next) => {
    const show = response.send.bind(response);
    try {
      const [, kind, id] = request.path.split('/');
      if (kind !== 'Users' && kind !== 'Groups') throw new Refused(501, `${request.path} is not supported`);
      if (id === '.search') throw new Refused(501, 'search is not supported');
      delete request.headers['if-match'];
      const isList = request.method === 'GET' && id === undefined;
      const start = isList ? list(kind, request, store) : undefined;
      if (request.method === 'POST' && kind === 'Users') checkUser(request.body as StoredResource);
      if (request.method === 'PUT' && kind === 'Groups') throw new Refused(501, 'PutGroup is not supported');
      if (request.method === 'PATCH') checkOperations(kind, (request.body as { Operations?: Operation[] }).Operations ?? []);
      if (request.method === 'PATCH' && kind === 'Groups') checkMembers((request.body as { Operations: Operation[] }).Operations, store);
      response.send = (body: unknown) => {
        // The endpoint's own headers and the way it shows things.
        response.type('application/json');
        if (request.method === 'PATCH' && kind === 'Groups' && response.statusCode === 200) {
          response.status(204);
          return show();
        }
        return show(shown(kind, start, response, body) as object);
      };
      next();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const schema = 'urn:ietf:params:scim:api:messages:2.0:Error';
      response
        .status(error.status)
        .type('application/json')
        .send({ schema, schemas: [schema], detail: error.message, status: String(error.status), exceptionRequestId: 'x' });
    }
  };

/** @returns where its page starts, from 1; undefined where it is not asked for page by page */
function list(kind: 'Users' | 'Groups', request: Request, store: ScimStore): number | undefined {
  const { filter, count, cursor } = request.query;
  for (const name of ['startIndex', 'attributes', 'excludedAttributes', 'sortBy']) {
    if (name in request.query) throw new Refused(400, `${name} is not supported`);
  }
  if (count !== undefined && !(Number(count) >= 1 && Number(count) <= pageLimit))
    throw new Refused(400, `count must be from 1 to ${pageLimit}`);
  const start = cursor === undefined ? undefined : Number(String(cursor).replace('after-', '')) + 1;
  Object.assign(request.query, { startIndex: start ?? 1, count: Number(count ?? pageLimit) });
  if (filter === undefined) return start;
  if (typeof filter !== 'string' || !filters[kind].test(filter)) throw new Refused(400, `filter ${String(filter)} is not supported`);
  const ofGroup = /^groups\.value eq "([^"]*)"$/.exec(filter)?.[1];
  const member = /members eq "([^"]*)"/.exec(filter)?.[1];
  if (member !== undefined) {
    if (!store.users.has(member)) throw new Refused(404, 'member not found');
    request.query.filter = filter.replace('members eq', 'members.value eq');
  }
  if (ofGroup !== undefined) {
    const members = (store.groups.get(ofGroup)?.members ?? []) as { value: string }[];
    request.query.filter = ['id eq "nobody"', ...members.map(({ value }) => `id eq "${value}"`)].join(' or ');
  }
  return start;
}

function checkUser({ userName, displayName, name, emails, phoneNumbers }: StoredResource): void {
  const { givenName, familyName } = (name ?? {}) as Record<string, unknown>;
  if (![userName, displayName, givenName, familyName].every((value) => typeof value === 'string' && value !== '')) {
    throw new Refused(400, 'userName, displayName, givenName and familyName are required');
  }
  for (const values of [emails, phoneNumbers]) if (Array.isArray(values) && values.length > 1) throw new Refused(400, 'one value only');
  if (Array.isArray(emails) && emails.some(({ primary }: { primary?: unknown }) => primary !== true))
    throw new Refused(400, 'mail must be primary');
}

function checkOperations(kind: 'Users' | 'Groups', operations: readonly Operation[]): void {
  const seen = new Set<string>();
  let changes = 0;
  for (const { op, path, value } of operations) {
    if (typeof path !== 'string' || !(kind === 'Users' ? userAttributes : groupAttributes).test(path)) {
      throw new Refused(400, `path ${String(path)} is not supported`);
    }
    if (op !== 'remove' && value === undefined) throw new Refused(400, 'a value is required');
    if (kind === 'Users' && /^(?:userName|active)$/.test(path)) {
      if (op === 'remove' || seen.has(path)) throw new Refused(400, `${path} is changed once and not removed`);
    }
    seen.add(path);
    if (path !== 'members') continue;
    if (op === 'replace' || !Array.isArray(value) || value.length === 0)
      throw new Refused(400, 'replacing or removing all members is not supported');
    changes += value.length;
  }
  if (changes > changesLimit) throw new Refused(400, `more than ${changesLimit} changes of membership`);
}

function checkMembers(operations: readonly Operation[], store: ScimStore): void {
  for (const { path, value } of operations) {
    if (path !== 'members') continue;
    for (const member of value as { value: string }[]) if (!store.users.has(member.value)) throw new Refused(404, 'user not found');
  }
}

/** Members of groups stay unseen, there are no versions, and with a cursor there are no totals. */
function shown(kind: 'Users' | 'Groups', start: number | undefined, response: Response, body: unknown): unknown {
  if (response.statusCode >= 400 || typeof body !== 'object' || body === null) return body;
  const plain = JSON.parse(JSON.stringify(body)) as Record<string, unknown>;
  const veil = (one: Record<string, unknown>) => {
    const { version: _, ...meta } = (one.meta ?? {}) as Record<string, unknown>;
    return { ...one, meta, ...(kind === 'Groups' ? { members: [] } : {}) };
  };
  if (!Array.isArray(plain.Resources)) return veil(plain);
  const { schemas, totalResults } = plain;
  const Resources = plain.Resources.map(veil);
  const itemsPerPage = Resources.length;
  // Without a cursor the list ends where the page does, and says so of itself.
  if (start === undefined) return { schemas, totalResults: itemsPerPage, itemsPerPage, startIndex: 1, Resources };
  const end = start - 1 + itemsPerPage;
  return { schemas, itemsPerPage, Resources, ...(end < Number(totalResults) ? { nextCursor: `after-${end}` } : {}) };
}
