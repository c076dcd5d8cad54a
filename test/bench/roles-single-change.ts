/** One change in a directory of 10,000 users: what it costs at each kind of target, from the event to the ledger. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { IdentitystoreClient } from '@aws-sdk/client-identitystore';
import { SSOAdminClient } from '@aws-sdk/client-sso-admin';
import { decideAccess } from '../../handlers/access/decide-access/decide-access.ts';
import { dynamoDbGrants } from '../../handlers/access/dynamodb-grants.ts';
import { dynamoDbKnownConfiguration } from '../../handlers/access/dynamodb-known-configuration.ts';
import { dynamoDbRevalidations } from '../../handlers/access/dynamodb-revalidations.ts';
import { principalKey } from '../../handlers/access/grants.ts';
import { dynamoDbMirror } from '../../handlers/directory/dynamodb-mirror.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import type { MirrorRow } from '../../handlers/directory/mirror.ts';
import { isCompletelyRead, watchedDomains } from '../../handlers/directory/principals.ts';
import { eventBusPublisher } from '../../handlers/platform/event-bus.ts';
import { exclusive } from '../../handlers/platform/exclusive.ts';
import { dynamoDbBudget } from '../../handlers/roles/dynamodb-budget.ts';
import { dynamoDbGuard } from '../../handlers/roles/dynamodb-guard.ts';
import { dynamoDbLedger } from '../../handlers/roles/dynamodb-ledger.ts';
import { guardLimits } from '../../handlers/roles/guard-limits.ts';
import { accountPk, rolePk } from '../../handlers/roles/ledger.ts';
import { syncRoles } from '../../handlers/roles/sync-roles/sync-roles.ts';
import type { Target } from '../../handlers/roles/target.ts';
import { dynamoDbSessionLedger } from '../../handlers/roles/targets/identity-center/dynamodb-session-ledger.ts';
import { identityCenterTarget } from '../../handlers/roles/targets/identity-center/identity-center.ts';
import { retries } from '../../handlers/roles/targets/identity-center/store.ts';
import { targetOf } from '../../handlers/roles/targets/index.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import type { Progress } from '../../sandbox/progress.ts';
import { type ScimServer, startScimServer } from '../../sandbox/scim-server.ts';
import { delivered } from '../access/deciding.ts';
import { domain, edgeRow, objectRow } from '../directory/rows.ts';
import { identityCenterProfile } from '../roles/identity-center-scim-profile.ts';
import type { Figure } from './figure.ts';
import {
  assignAccess,
  completelyRead,
  createTables,
  decided,
  fillTable,
  fillTarget,
  grantsRow,
  groupRow,
  identityCenter,
  identityCenterFilling,
  identityCenterSettings,
  membershipRow,
  personOf,
  preparedAccess,
  readers,
  scimFilling,
  surroundings,
  tables,
  teamOf,
} from './roles-company.ts';

const users = 10_000;
const teams = 200;
const mostCalls = 5;

/** Teams of a person: two, or three. Who comes last is in none. */
const teamsOf = (number: number): readonly number[] =>
  number === users - 1 ? [] : [number % teams, (number + 1) % teams, ...(number % 100 === 3 ? [(number + 2) % teams] : [])];

const scimNames = { standard: 'scim', 'identity-center': 'scim-at-identity-center' } as const;

interface Change {
  readonly what: string;
  readonly person: number;
  readonly rows: readonly MirrorRow[];
  /** Roles that the person holds then at every target, and the ones that bring access, at Identity Center alone. */
  readonly holds: number;
  readonly holdsAccess?: number;
  /** One change of a membership, for which there is a bound. */
  readonly bound: boolean;
}

const joins = (person: number, team: number): MirrorRow => membershipRow(teamOf(team), personOf(person));
const leaves = (person: number, team: number): MirrorRow =>
  edgeRow(teamOf(team), personOf(person), { present: false, revision: 2, listedUnder: undefined });
const disabled = (person: number): MirrorRow => {
  const row = objectRow(personOf(person));
  return { ...row, revision: 2, attributes: { ...row.attributes, userAccountControl: ['514'] } };
};

const changes: readonly Change[] = [
  { what: 'a known user joins a role', person: 0, rows: [joins(0, 50)], holds: 3, bound: true },
  { what: 'a user leaves a role', person: 1, rows: [leaves(1, 1)], holds: 1, bound: true },
  { what: "a new user's first role", person: users - 1, rows: [joins(users - 1, 7)], holds: 1, bound: true },
  { what: 'a user is the first to hold a role', person: 10, rows: [joins(10, teams)], holds: 3, bound: true },
  {
    what: 'a user gets access to an account',
    person: 2,
    rows: [membershipRow(readers, personOf(2))],
    holds: 2,
    holdsAccess: 1,
    bound: true,
  },
  { what: 'a user with 3 roles is disabled', person: 3, rows: [disabled(3)], holds: 0, bound: false },
  { what: 'a user with access and 2 roles is disabled', person: 5, rows: [disabled(5)], holds: 0, bound: false },
];

export async function singleChange(progress: Progress): Promise<readonly Figure[]> {
  const endpoint = await startEndpoint(surroundings);
  const servers = {
    standard: await startScimServer(),
    'identity-center': await startScimServer({ front: identityCenterProfile }),
  };
  const clients: { destroy(): void }[] = [];
  try {
    await progress.step(`${users} users in ${teams} teams, and what they have at three targets`, () => fill(endpoint, servers));
    const world = worldOf(endpoint, servers, clients);
    const figures: Figure[] = [];
    await progress.step(`${changes.length} single changes`, async () => {
      for (const change of changes) figures.push(...(await world.play(change)));
    });
    return figures;
  } finally {
    for (const client of clients) client.destroy();
    for (const server of Object.values(servers)) await server.close();
    await endpoint.close();
  }
}

type Servers = Readonly<Record<keyof typeof scimNames, ScimServer>>;
const targetNames = [identityCenter, ...Object.values(scimNames)];
const access = () => preparedAccess(targetNames);

async function fill(endpoint: AwsEndpoint, servers: Servers): Promise<void> {
  await createTables(endpoint);
  const people = Array.from({ length: users }, (_, number) => personOf(number));
  // One more than has members.
  const groups = Array.from({ length: teams + 1 }, (_, number) => teamOf(number));
  const membersOfReaders = people.filter((_, number) => number % 200 === 5);
  const memberships = people.flatMap((person, number) => teamsOf(number).map((team) => membershipRow(teamOf(team), person)));
  await fillTable(endpoint, tables.directory, [
    ...people.map((person) => objectRow(person)),
    ...[...groups, readers].map(groupRow),
    completelyRead,
    ...memberships,
    ...membersOfReaders.map((person) => membershipRow(readers, person)),
  ]);
  const decisions = await decided(
    access(),
    people.map((person, number) => {
      const isReader = membersOfReaders.includes(person);
      return [person, [...teamsOf(number).map(teamOf), ...(isReader ? [readers] : [])]] as const;
    }),
  );
  await fillTable(endpoint, tables.grants, decisions.map(grantsRow));
  const held = memberships.length;
  for (const [name, filling] of [
    [identityCenter, identityCenterFilling(endpoint)],
    [scimNames.standard, scimFilling(servers.standard)],
    [scimNames['identity-center'], scimFilling(servers['identity-center'])],
  ] as const) {
    const entries = await fillTarget(name, filling, decisions);
    await fillTable(endpoint, tables.roles, entries);
    // As reconcile sets it: shares are of what is there.
    await fillTable(endpoint, tables.grants, [{ pk: `guard#${name}`, sk: 'state', memberships: held, accounts: users - 1 }]);
    if (name !== identityCenter) continue;
    const roleIds = entries.flatMap((entry) =>
      'roleId' in entry && Object.keys(entry.assignments ?? {}).length > 0 ? [String(entry.roleId)] : [],
    );
    await assignAccess(endpoint, roleIds);
  }
}

function worldOf(endpoint: AwsEndpoint, servers: Servers, clients: { destroy(): void }[]) {
  const options = { endpoint: endpoint.url, region: endpoint.region, credentials: { ...endpoint.operator } };
  const opened = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client);
    return client;
  };
  const dynamodb = opened(new DynamoDBClient(options));
  const bus = endpoint.call('operator', 'events', 'CreateEventBus', { Name: 'identity' });
  const publisher = eventBusPublisher(opened(new EventBridgeClient(options)), 'identity');
  const publish: typeof publisher = async (events) => {
    await bus;
    await publisher(events);
  };
  const silent = { info: () => {}, warn: () => {}, error: () => {} };
  const now = () => new Date();
  const mirror = watchedDomains(dynamoDbMirror(dynamodb, tables.directory), [domain]);
  const grants = dynamoDbGrants(dynamodb, tables.grants);
  const ledger = dynamoDbLedger(dynamodb, tables.roles);
  const loaded = { access: access(), digest: 'access/1.json', parts: [] };
  const surroundingsOf = (name: string) => ({
    name,
    budget: dynamoDbBudget(dynamodb, tables.roles, name),
    sessionLedger: dynamoDbSessionLedger(dynamodb, tables.roles, name),
    secret: async () => 'token',
    log: silent,
    now,
  });

  async function open(name: string): Promise<Target> {
    const around = surroundingsOf(name);
    if (name === identityCenter) {
      const { identityStoreId, ...accountAccess } = identityCenterSettings;
      const client = opened(new SSOAdminClient({ ...options, ...retries }));
      const singleSignOn = { client, access: accountAccess, sessionLedger: around.sessionLedger, sessionHours: 12, now };
      return identityCenterTarget({
        ...around,
        store: opened(new IdentitystoreClient({ ...options, ...retries })),
        identityStoreId,
        singleSignOn,
      });
    }
    const profile = name === scimNames.standard ? 'standard' : 'identity-center';
    const settings = { endpoint: servers[profile].url, authentication: { bearer: true }, profile };
    return await targetOf({ name, kind: 'scim', settings }).open(around);
  }

  /** What one target was called for while something was done. */
  async function callsAt(name: string, work: () => Promise<void>): Promise<readonly string[]> {
    if (name === identityCenter) {
      const seen = endpoint.calls.length;
      await work();
      return endpoint.calls.slice(seen).flatMap(({ service, operation }) => (/^(identitystore|sso)$/.test(service) ? [operation] : []));
    }
    const { requests } = servers[name === scimNames.standard ? 'standard' : 'identity-center'];
    const seen = requests.length;
    await work();
    return requests.slice(seen).map(({ method, path }) => `${method} ${path.split('/')[3]}`);
  }

  return {
    async play({ what, person, rows, holds, holdsAccess = 0, bound }: Change): Promise<readonly Figure[]> {
      const before = await mirror.read(rows);
      await mirror.write(rows);
      const events = rows.flatMap((row) =>
        identityEvents(
          before.find(({ pk, sk }) => pk === row.pk && sk === row.sk),
          row,
        ),
      );
      const messages = new Map<string, string>();
      const deps = {
        isCompletelyRead: (name: string) => isCompletelyRead(mirror, name),
        ...{ mirror, domains: [domain], grants, publish, log: silent, now, exclusive: exclusive() },
        revalidations: dynamoDbRevalidations(dynamodb, tables.grants),
        knownConfiguration: dynamoDbKnownConfiguration(dynamodb, tables.grants),
        access: async () => loaded,
        fanOut: async () => {
          throw new Error(`"${what}" fanned out: it is about one person`);
        },
        targets: new Set(targetNames),
        syncRoles: async (target: string, message: object) => void messages.set(target, JSON.stringify(message)),
      };
      for (const event of events) await decideAccess(deps, delivered(event));
      const figures: Figure[] = [];
      for (const name of targetNames) {
        const body = messages.get(name);
        if (body === undefined) {
          if (holdsAccess > 0 && name !== identityCenter) continue;
          throw new Error(`"${what}" was not decided for ${name}`);
        }
        const target = await open(name);
        const guard = dynamoDbGuard(dynamodb, tables.grants, { target: name, limits: guardLimits({}), now });
        const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
        const rules = { onInactive: 'deactivate', onDeleted: 'delete' } as const;
        const sync = { grants, ledger, guard, target, ...rules, publish, log: silent, now, wait, millisecondsLeft: () => 100_000 };
        const calls = await callsAt(name, () => syncRoles(sync, body));
        await proveHeld(name, target, person, holds + (name === identityCenter ? holdsAccess : 0));
        if (calls.length === 0 && name === identityCenter) throw new Error(`"${what}" was no call to ${name}: nothing was measured`);
        figures.push({
          what: `${what}: ${name}`,
          measured: calls.length === 1 ? '1 call' : `${calls.length} calls`,
          detail: counted(calls),
          bound: bound ? `≤ ${mostCalls}` : '–',
          ...(bound && { holds: calls.length <= mostCalls }),
        });
      }
      return figures;
    },
  };

  /** What the ledger and the target say: a change that did not arrive costs nothing. */
  async function proveHeld(name: string, target: Target, person: number, count: number): Promise<void> {
    const item = await grants.read(principalKey(domain, personOf(person).guid));
    const entry = await ledger.readAccount(accountPk(name, domain, personOf(person).guid));
    const memberships = Object.values(entry?.memberships ?? {});
    if (entry?.revision !== item?.revision || memberships.length !== count)
      throw new Error(`${name} has person ${person} at revision ${entry?.revision} with ${memberships.length} roles, not ${count}`);
    for (const { grant, membershipId } of memberships) {
      const role = await ledger.readRole(rolePk(name, grant.role));
      const there = await target.findMember(String(role?.roleId), String(entry?.account?.id));
      if (there === undefined || there !== membershipId) throw new Error(`person ${person} is no member of ${grant.role} at ${name}`);
    }
  }
}

/** `GetUserId 2, CreateUser` */
function counted(calls: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const call of calls) counts.set(call, (counts.get(call) ?? 0) + 1);
  return [...counts].map(([call, count]) => (count === 1 ? call : `${call} ${count}`)).join(', ');
}
