/** People with grants, for reviews of any size: decisions, what the ledgers say of them, and a place for the reports, all in memory. */
import { createHash } from 'node:crypto';
import { grantKey, type PrincipalGrants, principalKey } from '../../handlers/access/grants.ts';
import type { Grant, PrincipalState, Subject } from '../../handlers/events/catalogue.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { type AccountEntry, accountPk } from '../../handlers/roles/ledger.ts';
import type { DriftReport } from '../../handlers/roles/reconcile/drift-report.ts';
import { type ReviewAccessDependencies, reviewAccess } from '../../handlers/roles/review-access/review-access.ts';
import type { NewestReview, ReviewStore } from '../../handlers/roles/review-access/review-store.ts';
import { guidOf } from '../directory/rows.ts';

export const domain = 'corp.example.com';
export const target = 'identity-center';
export const since = '2026-02-03T10:00:00.000Z';
export const now = '2026-11-23T06:00:00.000Z';

export function grantOf(role: string, more: Partial<Grant> = {}): Grant {
  return {
    ...{ role, target, mapping: `mapping-${role}`, policies: ['mapped-grants'], since },
    group: { guid: guidOf(900), name: `AWS-${role}`, dn: `CN=AWS-${role},DC=corp,DC=example,DC=com` },
    path: [{ guid: guidOf(901), name: 'Engineering', dn: 'CN=Engineering,DC=corp,DC=example,DC=com' }],
    ...more,
  };
}

export interface Person {
  readonly number: number;
  readonly name?: string;
  readonly state?: PrincipalState;
  readonly grants?: readonly Grant[];
  /** Of the ledger; left out: what is decided is held. Null: nothing was made yet. */
  readonly entry?: Partial<AccountEntry> | null;
  readonly lastLogon?: string | null;
}

const subjectOf = ({ number, name = `Person ${number}` }: Person): Subject => ({
  ...{ guid: guidOf(number), type: 'user', name, dn: `CN=${name},OU=People,DC=corp,DC=example,DC=com` },
  samAccountName: `person${number}`,
  userPrincipalName: `person${number}@${domain}`,
});

export const profileOf = (number: number) => ({
  userName: `person${number}@${domain}`,
  displayName: `Person ${number}`,
  givenName: 'Person',
  familyName: String(number),
});

export function decisionOn(person: Person): PrincipalGrants {
  const { number, state = 'active', grants = [] } = person;
  return {
    ...{ pk: principalKey(domain, guidOf(number)), domain, subject: subjectOf(person), revision: Date.parse(since), state },
    profiles: { [target]: profileOf(number) },
    grants: Object.fromEntries(grants.map((grant) => [grantKey(grant), grant])),
    ...{ denied: {}, decidedAt: since, cause: { id: 'cause', type: 'GroupMemberAdded' }, unannounced: [] },
  };
}

const heldBy = (grants: readonly Grant[]): AccountEntry['memberships'] =>
  Object.fromEntries(grants.map((grant, index) => [grantKey(grant), { grant, membershipId: `membership-${index}` }]));

export function entryOf({ number, grants = [], entry }: Person): AccountEntry | undefined {
  if (entry === null) return undefined;
  return {
    ...{ pk: accountPk(target, domain, guidOf(number)), version: 1, revision: Date.parse(since), memberships: heldBy(grants) },
    account: { id: `account-${number}`, profile: profileOf(number) },
    ...entry,
  };
}

export interface ReviewWorld {
  readonly deps: ReviewAccessDependencies;
  /** Texts of the files, by key. */
  readonly files: Map<string, string>;
  readonly published: AnyIdentityEvent[];
  readonly logged: { readonly code: string; readonly fields: Record<string, unknown> }[];
  readonly run: (request?: unknown) => ReturnType<typeof reviewAccess>;
}

export interface ReviewSettings {
  readonly people: Iterable<Person>;
  readonly ends?: ReadonlyMap<string, string>;
  readonly drift?: DriftReport;
  readonly pageSize?: number;
  readonly change?: Partial<ReviewAccessDependencies>;
}

/** @param settings.pageSize principals of one page of the scan */
export function reviewWorld({ people, ends = new Map(), drift, pageSize = 300, change = {} }: ReviewSettings): ReviewWorld {
  const all = [...people];
  const byPk = new Map(all.map((person) => [accountPk(target, domain, guidOf(person.number)), person]));
  const byKey = new Map(all.map((person) => [principalKey(domain, guidOf(person.number)), person]));
  const logons = all.some(({ lastLogon }) => lastLogon !== undefined);
  const files = new Map<string, string>();
  const published: AnyIdentityEvent[] = [];
  const logged: ReviewWorld['logged'] = [];
  let newest: NewestReview | undefined;
  const store: ReviewStore = {
    newest: async () => newest,
    write: async (key, bytes) => void files.set(key, bytes.toString('utf8')),
    setNewest: async (next) => {
      newest = next;
    },
  };
  const log = (code: string, fields: Record<string, unknown> = {}) => void logged.push({ code, fields });
  const deps: ReviewAccessDependencies = {
    ...{ deployment: 'ad-lambda-dev', targets: [target], every: 'month', configuration: 'access/0123456789abcdef.json' },
    logonDomains: logons ? [domain] : [],
    sources: {
      scan: async (after) => {
        const from = Number(after ?? 0);
        const items = all.slice(from, from + pageSize).map(decisionOn);
        return { items, after: from + pageSize < all.length ? String(from + pageSize) : undefined };
      },
      accounts: async (pks) =>
        new Map(
          pks.flatMap((pk) => {
            const person = byPk.get(pk);
            const entry = person && entryOf(person);
            return entry === undefined ? [] : [[pk, entry] as const];
          }),
        ),
      logons: async (principals) =>
        new Map(
          principals.flatMap((principal) => {
            const key = principalKey(principal.domain, principal.guid);
            const at = byKey.get(key)?.lastLogon;
            return at === undefined ? [] : [[key, at] as const];
          }),
        ),
      ends: async () => ends,
      drift: async () => drift,
    },
    store,
    publish: async (events) => void published.push(...events),
    log: { info: log, warn: log, error: log },
    now: () => new Date(now),
    ...change,
  };
  return { deps, files, published, logged, run: (request) => reviewAccess(deps, request) };
}

/** Names that try to be something else: markup, formulas, text in the other direction, more than a line. */
export const hostileNames = [
  '<script>alert(1)</script>',
  '</script><img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  '=HYPERLINK("http://evil.example.com","x")',
  '+1+1',
  '-2',
  '@SUM(A1)',
  '\t=1',
  'Ada\u202egpj.exe',
  'دانا مثال',
  'two\r\nlines',
  'null\u0000\u001b[2J',
  `${'W'.repeat(255)}!`,
  'semi;colon,comma"quote',
  '&amp;&lt;b&gt;',
  '𝒜da 👩‍🚀',
  'lone \ud800 half',
] as const;

/** So many people with one to three grants each, deterministic, with each state and exception among them. */
export function* manyPeople(grants: number): Generator<Person> {
  let made = 0;
  for (let number = 1; made < grants; number += 1) {
    const roles = Math.min(1 + (number % 3), grants - made);
    made += roles;
    const held = Array.from({ length: roles }, (_, index) => grantOf(`role-${(number * 7 + index) % 200}`, violating(number)));
    const random = createHash('sha256').update(String(number)).digest();
    const name = `${given[(random[0] ?? 0) % given.length]} ${family[(random[1] ?? 0) % family.length]} ${number}`;
    const state = number % 97 === 0 ? 'disabled' : 'active';
    yield { number, name, state, grants: held, ...special(number, held), lastLogon: number % 53 === 0 ? null : '2026-11-20T08:00:00.000Z' };
  }
}

const given = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Alan', 'Radia', 'Donald', 'Hedy', 'Niklaus', 'Katherine'];
const family = ['Sample', 'Muster', 'Beispiel', 'Ejemplo', 'Exemple', 'Esempio', 'Voorbeeld', 'Przykład', 'Örnek', 'Exempel', 'דוגמה'];

const violating = (number: number): Partial<Grant> => (number % 61 === 0 ? { violates: ['no-contractors'] } : {});

function special(number: number, held: readonly Grant[]): Pick<Person, 'entry'> {
  if (number % 41 === 0) return { entry: null };
  if (number % 43 === 0) return { entry: { memberships: {} } };
  if (number % 47 === 0) return { entry: { staged: '3f9c0a17be42', memberships: heldBy([...held, grantOf('former')]) } };
  return {};
}
