/** Random walks through a directory: steps as fast-check makes them, and the one who takes them at a domain controller. */
import fc from 'fast-check';
import { Attribute, Change, type Client, Control, ResultCodeError } from 'ldapts';
import { guidText } from '../../handlers/platform/object-identity.ts';
import { changeAttribute, createUser } from '../../sandbox/domain-controller/population.ts';
import { effects, type Failure } from './killed-function.ts';

/** What a step picks among the objects that are there: the n-th, counted round. */
type Pick = number;
type Kind = 'user' | 'group' | 'unit';

export type Operation =
  | { readonly do: 'create'; readonly kind: Kind; readonly in: Pick; readonly name: string }
  | { readonly do: 'rename'; readonly object: Pick; readonly name: string }
  | { readonly do: 'move'; readonly object: Pick; readonly to: Pick }
  | { readonly do: 'able'; readonly user: Pick; readonly enabled: boolean }
  | { readonly do: 'set'; readonly object: Pick; readonly attribute: string; readonly values: readonly string[] }
  | { readonly do: 'name'; readonly user: Pick; readonly attribute: 'sAMAccountName' | 'userPrincipalName' }
  | { readonly do: 'expire'; readonly user: Pick; readonly inSeconds: number | 'never' }
  | { readonly do: 'join' | 'leave'; readonly group: Pick; readonly member: Pick }
  | { readonly do: 'primary'; readonly user: Pick; readonly group: Pick }
  | { readonly do: 'scope'; readonly group: Pick; readonly type: string }
  | { readonly do: 'delete'; readonly object: Pick }
  | { readonly do: 'restore'; readonly object: Pick; readonly to: Pick };

export const operations: readonly Operation['do'][] = [
  ...(['create', 'rename', 'move', 'able', 'set', 'name', 'expire', 'join', 'leave', 'primary', 'scope', 'delete', 'restore'] as const),
];

export type Step =
  | Operation
  | { readonly do: 'wait'; readonly seconds: number }
  /** `refused`: the domain controller does not take the cookie, so that everything is read once more. */
  | { readonly do: 'poll'; readonly failure: Failure | undefined; readonly refused?: boolean }
  /** Some of the events that wait are delivered, those at these places of the line; `again` they stay in it. */
  | { readonly do: 'deliver'; readonly places: readonly Pick[]; readonly again: boolean };

/** Attributes that are captured besides the standard ones. */
export const walkAttributes = ['department', 'description', 'otherTelephone'];

const pick = fc.nat(20);
// Characters that a distinguished name has to escape (RFC 4514 section 2.4), and such as have more than one byte.
const name = fc.constantFrom('Ada', 'Sample, "Bo"', 'a+b=c', '#hash', 'back\\slash', 'semi;colon <x>', 'Zoë Ångström', '名前', "O'Example");
const text = fc.constantFrom('x', 'y', 'Käse & Wein', ' leading', 'a:b', 'two\nlines', '<GUID=no>;text', '0');
const groupTypes = ['-2147483646', '-2147483640', '-2147483644', '2', '8'];

const failure: fc.Arbitrary<Failure | undefined> = fc.option(
  fc.record({
    kind: fc.constantFrom('killed' as const, 'killed' as const, 'cut-off' as const),
    call: fc.nat(16),
    effect: fc.constantFrom(...effects),
  }),
  { nil: undefined },
);

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('create'), kind: fc.constantFrom<Kind>('user', 'group', 'unit'), in: pick, name }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('rename'), object: pick, name }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('move'), object: pick, to: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('able'), user: pick, enabled: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('set'),
      object: pick,
      attribute: fc.constantFrom('displayName', 'mail', ...walkAttributes),
      values: fc.uniqueArray(text, { maxLength: 2 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('name'), user: pick, attribute: fc.constantFrom('sAMAccountName', 'userPrincipalName') }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('expire'),
      user: pick,
      inSeconds: fc.oneof(fc.integer({ min: -100, max: 900 }), fc.constant<'never'>('never')),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('join'), group: pick, member: pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('leave'), group: pick, member: pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('primary'), user: pick, group: pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('scope'), group: pick, type: fc.constantFrom(...groupTypes) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete'), object: pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('restore'), object: pick, to: pick }) },
) as fc.Arbitrary<Operation>;

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: operation },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 600 }) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('poll' as const), failure }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('poll' as const), failure, refused: fc.constant(true) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('deliver' as const), places: fc.array(pick, { maxLength: 6 }), again: fc.boolean() }),
  },
);

export const walk: fc.Arbitrary<readonly Step[]> = fc.array(step, { minLength: 1, maxLength: 45, size: 'max' });

interface Known {
  readonly guid: string;
  readonly kind: Kind;
  living: boolean;
}

/** Takes the steps of one walk, within an organizational unit of its own. */
export class Walker {
  /** How often the directory took each operation, and how often it refused one: a walk knows less of a directory than the directory. */
  readonly taken: Record<string, number> = {};
  readonly refused: Record<string, number> = {};
  readonly rootDn: string;
  readonly #admin: Client;
  readonly #prefix: string;
  readonly #now: () => number;
  readonly #known: Known[] = [];
  #names = 0;

  constructor(admin: Client, baseDn: string, prefix: string, now: () => number) {
    this.#admin = admin;
    this.#prefix = prefix;
    this.#now = now;
    this.rootDn = `OU=${prefix},${baseDn}`;
  }

  /** GIVEN two units with users and groups. */
  async settle(): Promise<void> {
    await this.#admin.add(this.rootDn, { objectClass: ['organizationalUnit'] });
    this.#known.push({ guid: await this.#guidOf(this.rootDn), kind: 'unit', living: true });
    const kinds: readonly Kind[] = ['unit', 'unit', 'user', 'user', 'group', 'group'];
    for (const [index, kind] of kinds.entries()) await this.take({ do: 'create', kind, in: index, name: 'First' });
    await this.take({ do: 'join', group: 0, member: 0 });
  }

  async take(operation: Operation): Promise<void> {
    try {
      if (!(await this.#take(operation))) return;
      this.taken[operation.do] = (this.taken[operation.do] ?? 0) + 1;
    } catch (error) {
      if (!(error instanceof ResultCodeError)) throw error;
      this.refused[operation.do] = (this.refused[operation.do] ?? 0) + 1;
    }
  }

  /** Removes what the walk left. */
  async leave(): Promise<void> {
    // A group that is somebody's primary group cannot go before them (MS-SAMR section 3.1.1.8.2).
    for (const { guid } of this.#living('user')) await this.#admin.del(await this.#dnOf(guid));
    await this.#admin.del(this.rootDn, [treeDelete]);
  }

  /** @returns whether there was anything to do it with */
  async #take(operation: Operation): Promise<boolean> {
    switch (operation.do) {
      case 'create':
        return await this.#create(operation.kind, operation.in, operation.name);
      case 'rename':
        return await this.#on(this.#inside(), operation.object, async (dn, { kind }) => {
          await this.#admin.modifyDN(dn, `${this.#relativeName(kind, operation.name)},${parentOf(dn)}`);
        });
      case 'move':
        return await this.#on(this.#inside(), operation.object, async (dn) => {
          await this.#on(this.#living('unit'), operation.to, (to) => this.#admin.modifyDN(dn, `${leafOf(dn)},${to}`));
        });
      case 'able':
        return await this.#on(this.#living('user'), operation.user, (dn) =>
          changeAttribute(this.#admin, dn, 'replace', 'userAccountControl', [operation.enabled ? '512' : '514']),
        );
      case 'set':
        return await this.#on(this.#inside(), operation.object, (dn) =>
          changeAttribute(this.#admin, dn, 'replace', operation.attribute, operation.values),
        );
      case 'name': {
        const value = this.#accountName();
        const values = [operation.attribute === 'sAMAccountName' ? value : `${value}@corp.example.com`];
        return await this.#on(this.#living('user'), operation.user, (dn) =>
          changeAttribute(this.#admin, dn, 'replace', operation.attribute, values),
        );
      }
      case 'expire': {
        const value = operation.inSeconds === 'never' ? '0' : fileTimeOf(this.#now() + 1000 * operation.inSeconds);
        return await this.#on(this.#living('user'), operation.user, (dn) =>
          changeAttribute(this.#admin, dn, 'replace', 'accountExpires', [value]),
        );
      }
      case 'join':
        return await this.#on(this.#living('group'), operation.group, async (dn, group) => {
          const others = this.#living('user', 'group').filter(({ guid }) => guid !== group.guid);
          await this.#on(others, operation.member, (member) => changeAttribute(this.#admin, dn, 'add', 'member', [member]));
        });
      case 'leave':
        return await this.#on(this.#living('group'), operation.group, async (dn, { guid }) => {
          const members = [(await this.#search(guid))?.member ?? []].flat().map(String);
          const member = members[operation.member % members.length];
          if (member !== undefined) await changeAttribute(this.#admin, dn, 'delete', 'member', [member]);
        });
      case 'primary':
        return await this.#on(this.#living('group'), operation.group, async (group, { guid }) => {
          const rid = (await this.#sidOf(guid)).readUInt32LE(24);
          await this.#on(this.#living('user'), operation.user, async (user) => {
            await changeAttribute(this.#admin, group, 'add', 'member', [user]).catch(() => undefined); // may be in it
            await changeAttribute(this.#admin, user, 'replace', 'primaryGroupID', [String(rid)]);
          });
        });
      case 'scope':
        return await this.#on(this.#living('group'), operation.group, (dn) =>
          changeAttribute(this.#admin, dn, 'replace', 'groupType', [operation.type]),
        );
      case 'delete':
        return await this.#on(this.#inside(), operation.object, async (dn, { kind }) => {
          try {
            await this.#admin.del(dn, kind === 'unit' ? [treeDelete] : []);
          } finally {
            for (const one of this.#known) one.living &&= (await this.#search(one.guid)) !== undefined;
          }
        });
      case 'restore':
        return await this.#restore(operation.object, operation.to);
    }
  }

  async #create(kind: Kind, where: Pick, text: string): Promise<boolean> {
    return await this.#on(this.#living('unit'), where, async (parent) => {
      const relative = this.#relativeName(kind, text);
      const dn = `${relative},${parent}`;
      const sAMAccountName = this.#accountName();
      if (kind === 'user') await createUser(this.#admin, parent, relative.slice(3), { sAMAccountName }, this.#names % 3 !== 0);
      else if (kind === 'group') await this.#admin.add(dn, { objectClass: ['group'], sAMAccountName });
      else await this.#admin.add(dn, { objectClass: ['organizationalUnit'] });
      this.#known.push({ guid: await this.#guidOf(dn), kind, living: true });
    });
  }

  async #restore(object: Pick, to: Pick): Promise<boolean> {
    const gone = this.#known.filter(({ living }) => !living);
    const one = gone[object % gone.length];
    if (one === undefined) return false;
    return await this.#on(this.#living('unit'), to, async (parent) => {
      const dn = `${this.#relativeName(one.kind, 'Back')},${parent}`;
      const changes = [
        new Change({ operation: 'delete', modification: new Attribute({ type: 'isDeleted', values: [] }) }),
        new Change({ operation: 'replace', modification: new Attribute({ type: 'distinguishedName', values: [dn] }) }),
      ];
      await this.#admin.modify(await this.#dnOf(one.guid, [showDeleted]), changes, [showDeleted]);
      one.living = true;
    });
  }

  /** Does it with the n-th of these. @returns whether there is one */
  async #on(objects: readonly Known[], place: Pick, work: (dn: string, object: Known) => Promise<unknown>): Promise<boolean> {
    const one = objects[place % objects.length];
    if (one === undefined) return false;
    await work(await this.#dnOf(one.guid), one);
    return true;
  }

  #living(...kinds: readonly Kind[]): readonly Known[] {
    return this.#known.filter(({ kind, living }) => living && kinds.includes(kind));
  }

  /** All but the walk's own unit. */
  #inside(): readonly Known[] {
    return this.#known.slice(1).filter(({ living }) => living);
  }

  #relativeName(kind: Kind, text: string): string {
    this.#names += 1;
    const escaped = text.replace(/[,+"\\<>;=]/g, '\\$&').replace(/^[# ]/, '\\$&');
    return `${kind === 'unit' ? 'OU' : 'CN'}=${escaped} ${this.#names}`;
  }

  #accountName(): string {
    this.#names += 1;
    return `${this.#prefix}${this.#names}`;
  }

  async #search(guid: string, controls: Control[] = []) {
    const found = await this.#admin
      .search(`<GUID=${guid}>`, { scope: 'base', attributes: ['objectSid', 'member'], explicitBufferAttributes: ['objectSid'] }, controls)
      .catch((error: unknown) => {
        if (error instanceof ResultCodeError && error.code === 32) return undefined;
        throw error;
      });
    return found?.searchEntries[0];
  }

  async #dnOf(guid: string, controls: Control[] = []): Promise<string> {
    const dn = (await this.#search(guid, controls))?.dn;
    if (dn === undefined) throw new Error(`${guid} should be there, and is not`);
    return dn;
  }

  async #sidOf(guid: string): Promise<Buffer> {
    return (await this.#search(guid))?.objectSid as Buffer;
  }

  async #guidOf(dn: string): Promise<string> {
    const attributes = ['objectGUID'];
    const { searchEntries } = await this.#admin.search(dn, { scope: 'base', attributes, explicitBufferAttributes: attributes });
    return guidText(searchEntries[0]?.objectGUID as Buffer);
  }
}

/** LDAP_SERVER_TREE_DELETE_OID and LDAP_SERVER_SHOW_DELETED_OID (MS-ADTS sections 3.1.1.3.4.1.15 and 3.1.1.3.4.1.14). */
const treeDelete = new Control('1.2.840.113556.1.4.805', { critical: true });
const showDeleted = new Control('1.2.840.113556.1.4.417', { critical: true });

const leafOf = (dn: string): string => /^(?:[^,\\]|\\.)+/.exec(dn)?.[0] ?? '';
const parentOf = (dn: string): string => dn.slice(leafOf(dn).length + 1);
const fileTimeOf = (time: number): string => String((BigInt(Math.round(time)) + 11_644_473_600_000n) * 10_000n);
