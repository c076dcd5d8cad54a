/**
 * A SCIM server of its own on loopback: SCIMMY's implementation of RFC 7643 and 7644 over users and groups in memory, with what a real one
 * adds: unique names, one use of a mail address, versions, and members that exist.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express, { type RequestHandler } from 'express';
import SCIMMY from 'scimmy';
import SCIMMYRouters from 'scimmy-routers';
import { type TargetAccount, TargetChanges } from './target-changes.ts';

export interface StoredResource {
  readonly id: string;
  readonly meta: { readonly created: string; readonly lastModified: string; readonly version: string };
  [attribute: string]: unknown;
}

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

export interface ScimStore {
  readonly users: Map<string, StoredResource>;
  readonly groups: Map<string, StoredResource>;
}

export interface ScimServer extends ScimStore {
  /** Of its endpoint, without a slash at its end. */
  readonly url: string;
  /** Every request that came in, in order. */
  readonly requests: SeenRequest[];
  /** What its clients changed, as it saw it. */
  readonly changes: TargetChanges;
  close(): Promise<void>;
}

export interface ScimServerSettings {
  /** What it takes as bearer token. @default anything */
  readonly accepts?: (token: string) => boolean;
  /** No two users with one mail address. @default true */
  readonly uniqueMail?: boolean;
  /** No two groups with one name. @default true */
  readonly uniqueGroups?: boolean;
  /** What stands before it, and may answer instead; the body is read already. */
  readonly front?: (store: ScimStore) => RequestHandler;
}

interface Context {
  readonly store: ScimStore;
  readonly changes: TargetChanges;
  readonly uniqueMail: boolean;
  readonly uniqueGroups: boolean;
}
type Handled = { readonly id?: string; readonly filter?: { match(all: readonly object[]): StoredResource[] } };

const conflict = (detail: string) => new SCIMMY.Types.Error(409, 'uniqueness', detail);
const absent = (id: string | undefined) => new SCIMMY.Types.Error(404, null as never, `Resource ${id} not found`);
const lower = (value: unknown): string => String(value ?? '').toLowerCase();
type Attributes = Readonly<Record<string, unknown>>;
const mailsOf = ({ emails }: Attributes): string[] =>
  (Array.isArray(emails) ? emails : []).map(({ value }: { value: unknown }) => lower(value));
const membersOf = ({ members }: Attributes): { value: string }[] => (Array.isArray(members) ? members : []) as { value: string }[];

/**
 * SCIMMY 1.3.5 takes no escapes in a filter's strings (RFC 7644 section 3.4.2.2: they are those of JSON). So they travel as characters of
 * the private use area, on both sides of the comparison.
 */
const stands = { '"': '\ue022', '\\': '\ue05c' } as const;
const veiled = (text: string): string => text.replace(/["\\]/g, (character) => stands[character as keyof typeof stands]);
const veiledFilter = (filter: string): string =>
  filter.replace(/"(?:[^"\\]|\\.)*"/g, (literal) => `"${veiled(JSON.parse(literal) as string)}"`);
const comparable = (value: unknown): unknown => {
  if (typeof value === 'string') return veiled(value);
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, comparable(inner)]));
};

function put(resources: Map<string, StoredResource>, id: string | undefined, attributes: object): StoredResource {
  const before = id === undefined ? undefined : resources.get(id);
  if (id !== undefined && before === undefined) throw absent(id);
  const now = new Date().toISOString();
  const version = Number(/\d+/.exec(before?.meta.version ?? '')?.[0] ?? 0) + 1;
  const stored: StoredResource = {
    ...(JSON.parse(JSON.stringify(attributes)) as object),
    id: before?.id ?? randomUUID(),
    meta: { created: before?.meta.created ?? now, lastModified: now, version: `W/"${version}"` },
  };
  resources.set(stored.id, stored);
  return stored;
}

/** As the functions' events name an account's attributes. */
function accountOf(user: StoredResource): TargetAccount {
  const { userName, displayName, title, name, emails, phoneNumbers, active } = user as Attributes & {
    readonly name?: { readonly givenName?: string; readonly familyName?: string };
    readonly emails?: readonly { readonly value?: string }[];
    readonly phoneNumbers?: readonly { readonly value?: string }[];
  };
  const profile = {
    ...{ userName, displayName, title, givenName: name?.givenName, familyName: name?.familyName },
    ...{ email: emails?.[0]?.value, phoneNumber: phoneNumbers?.[0]?.value },
  };
  const there = Object.entries(profile).flatMap(([key, value]) =>
    typeof value === 'string' && value !== '' ? [[key, value] as const] : [],
  );
  return { id: user.id, profile: Object.fromEntries(there), active: active !== false };
}

/** Notes how a group became another one: its name, and who came and went. */
function noteGroup(changes: TargetChanges, before: StoredResource | undefined, after: StoredResource): void {
  const roleOf = (group: StoredResource) => ({ id: group.id, name: String(group.displayName) });
  changes.role(before && roleOf(before), roleOf(after));
  const ids = (group: StoredResource | undefined) => new Set(group === undefined ? [] : membersOf(group).map(({ value }) => value));
  const [was, is] = [ids(before), ids(after)];
  for (const id of is) if (!was.has(id)) changes.member(roleOf(after).name, id, true);
  for (const id of was) if (!is.has(id)) changes.member(roleOf(after).name, id, false);
}

function read(resources: Map<string, StoredResource>, { id, filter }: Handled): StoredResource | StoredResource[] {
  if (id !== undefined) {
    const found = resources.get(id);
    if (found === undefined) throw absent(id);
    return structuredClone(found);
  }
  const all = [...resources.values()];
  if (filter === undefined) return structuredClone(all);
  return filter.match(all.map((one) => comparable(one) as object)).flatMap(({ id: found }) => {
    const one = resources.get(found);
    return one === undefined ? [] : [structuredClone(one)];
  });
}

/** SCIMMY's resources are those of the process; which server's they are, each request says. */
function declare(): void {
  if (SCIMMY.Resources.declared('User')) return;
  SCIMMY.Resources.declare(SCIMMY.Resources.User.extend(SCIMMY.Schemas.EnterpriseUser, false))
    .ingress((({ id }: Handled, user: Record<string, unknown>, { store, changes, uniqueMail }: Context) => {
      if (/\s/.test(String(user.userName))) throw new SCIMMY.Types.Error(400, 'invalidValue', 'userName must not contain a space');
      for (const other of store.users.values()) {
        if (other.id === id) continue;
        if (lower(other.userName) === lower(user.userName)) throw conflict('userName is taken');
        if (uniqueMail && mailsOf(other).some((mail) => mailsOf(user).includes(mail))) throw conflict('a mail address is taken');
      }
      const before = store.users.get(id ?? '');
      const after = put(store.users, id, user);
      changes.account(before && accountOf(before), accountOf(after));
      return after;
    }) as never)
    .egress(((handled: Handled, { store }: Context) => read(store.users, handled)) as never)
    .degress((({ id }: Handled, { store, changes }: Context) => {
      const user = store.users.get(id ?? '');
      if (user === undefined) throw absent(id);
      store.users.delete(user.id);
      changes.account(accountOf(user), undefined);
      for (const group of store.groups.values()) group.members = membersOf(group).filter(({ value }) => value !== id);
    }) as never);
  SCIMMY.Resources.declare(SCIMMY.Resources.Group)
    .ingress((({ id }: Handled, group: Record<string, unknown>, { store, changes, uniqueGroups }: Context) => {
      const names = [...store.groups.values()].filter((other) => other.id !== id).map(({ displayName }) => lower(displayName));
      if (uniqueGroups && names.includes(lower(group.displayName))) throw conflict('displayName is taken');
      const members = new Map(membersOf(group).map((member) => [member.value, { value: member.value, type: 'User' }]));
      for (const member of members.keys())
        if (!store.users.has(member)) throw new SCIMMY.Types.Error(400, 'invalidValue', `no user ${member}`);
      const before = store.groups.get(id ?? '');
      const after = put(store.groups, id, { ...group, members: [...members.values()] });
      noteGroup(changes, before, after);
      return after;
    }) as never)
    .egress(((handled: Handled, { store }: Context) => read(store.groups, handled)) as never)
    .degress((({ id }: Handled, { store, changes }: Context) => {
      const group = store.groups.get(id ?? '');
      if (group === undefined) throw absent(id);
      store.groups.delete(group.id);
      changes.role({ id: group.id, name: String(group.displayName) }, undefined);
    }) as never);
}

export async function startScimServer(settings: ScimServerSettings = {}): Promise<ScimServer> {
  declare();
  const { accepts = () => true, uniqueMail = true, uniqueGroups = true, front } = settings;
  const store: ScimStore = { users: new Map(), groups: new Map() };
  const requests: SeenRequest[] = [];
  const changes = new TargetChanges();
  const context: Context = { store, changes, uniqueMail, uniqueGroups };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(express.json({ type: ['application/scim+json', 'application/json'], limit: '4mb' }));
  app.use((request, _response, next) => {
    const { method, path, headers } = request;
    const query: Record<string, unknown> = { ...request.query };
    requests.push({ method, path, query: { ...query }, headers, body: request.body });
    // Express 5 parses the query anew at each look: what a handler changes in it would be lost.
    Object.defineProperty(request, 'query', { value: query, writable: true });
    next();
  });
  if (front) app.use('/scim/v2', front(store));
  app.use('/scim/v2', (request, response, next) => {
    const { filter } = request.query;
    if (typeof filter === 'string') request.query.filter = veiledFilter(filter);
    const [, kind, id] = request.path.split('/');
    const resource = (kind === 'Users' ? store.users : store.groups).get(id ?? '');
    const wanted = request.headers['if-match'];
    if (resource && wanted !== undefined && wanted !== resource.meta.version) {
      const error = { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '412', detail: 'the resource has changed' };
      response.status(412).type('application/scim+json').send(error);
      return;
    }
    next();
  });
  app.use(
    '/scim/v2',
    new SCIMMYRouters({
      type: 'bearer',
      handler: (request: { header(name: string): string | undefined }) => {
        const token = /^Bearer (.+)$/.exec(request.header('authorization') ?? '')?.[1];
        if (token === undefined || !accepts(token)) throw new Error('the token is not valid');
        return 'client';
      },
      context: () => context,
    } as never) as unknown as RequestHandler,
  );
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { ...store, url: `http://127.0.0.1:${port}/scim/v2`, requests, changes, close: () => closed(server) };
}

/** Ends connections that are kept alive, too. */
export const closed = (server: Server): Promise<void> =>
  new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()));
    server.closeAllConnections();
  });
