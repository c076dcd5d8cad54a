/** Users and groups in one another, over two forests: as a mirror holds them, and what follows from them by the plainest reasoning. */
import fc from 'fast-check';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { isObjectRow, objectKey } from '../../handlers/directory/mirror.ts';
import { type MemoryMirror, memoryMirror } from './memory-mirror.ts';
import { WatchedDomain } from './watched-domains.ts';

type Home = 'corp' | 'partner';
type Kind = 'security' | 'distribution' | 'deleted' | 'outOfScope';

export interface Graph {
  readonly users: readonly Home[];
  readonly groups: readonly { readonly home: Home; readonly kind: Kind }[];
  /** Names of a member and of the group that it is in: `u0`, `g3`. */
  readonly memberships: readonly (readonly [member: string, group: string])[];
}

const numbered = (letter: string, count: number): string[] => Array.from({ length: count }, (_, index) => `${letter}${index}`);
const home = fc.constantFrom<Home>('corp', 'corp', 'partner');
const kind = fc.constantFrom<Kind>('security', 'security', 'security', 'security', 'distribution', 'deleted', 'outOfScope');

/** Any graph: with cycles, diamonds and groups in themselves. */
export const graphs: fc.Arbitrary<Graph> = fc
  .record({
    users: fc.array(home, { minLength: 1, maxLength: 5 }),
    groups: fc.array(fc.record({ home, kind }), { minLength: 1, maxLength: 8 }),
  })
  .chain(({ users, groups }) => {
    const names = numbered('g', groups.length);
    const membership = fc.tuple(fc.constantFrom(...numbered('u', users.length), ...names), fc.constantFrom(...names));
    const memberships = fc.uniqueArray(membership, { maxLength: 24, selector: (pair) => pair.join(' ') });
    return fc.record({ users: fc.constant(users), groups: fc.constant(groups), memberships });
  });

/** The mirror of a graph. A member from the other forest stands in its group as a foreign security principal. */
export class MirroredGraph {
  readonly mirror: MemoryMirror = memoryMirror();
  readonly #graph: Graph;
  readonly #domains = {
    corp: new WatchedDomain(this.mirror, 'corp.example.com', 1),
    partner: new WatchedDomain(this.mirror, 'partner.example.com', 2),
  };

  private constructor(graph: Graph) {
    this.#graph = graph;
  }

  static async of(graph: Graph): Promise<MirroredGraph> {
    const mirrored = new MirroredGraph(graph);
    await mirrored.#write();
    return mirrored;
  }

  /** Domain and GUID of a user or group. */
  named(name: string): { readonly domain: string; readonly guid: string } {
    return { domain: this.#domains[this.#home(name)].name, guid: this.#object(name).guid };
  }

  seenAt(name: string): string {
    const { domain, guid } = this.named(name);
    return objectKey(domain, guid).pk;
  }

  /** The name of what a row or reference is about. */
  nameOf({ domain, guid }: { readonly domain: string; readonly guid: string }): string {
    const names = [...numbered('u', this.#graph.users.length), ...numbered('g', this.#graph.groups.length)];
    return names.find((name) => this.named(name).domain === domain && this.named(name).guid === guid) ?? `${domain} ${guid}`;
  }

  #home(name: string): Home {
    const index = Number(name.slice(1));
    return (name.startsWith('u') ? this.#graph.users[index] : this.#graph.groups[index]?.home) ?? 'corp';
  }

  #object(name: string, members: readonly ChangedObject[] = []): ChangedObject {
    const [domain, number] = [this.#domains[this.#home(name)], Number(name.slice(1))];
    if (name.startsWith('u')) return domain.user(100 + number, name);
    const group = domain.group(200 + number, name, members);
    const groupType = this.#graph.groups[number]?.kind === 'distribution' ? '2' : '-2147483646';
    return { ...group, attributes: { ...group.attributes, groupType: [groupType] } };
  }

  /** What stands for somebody in the domain of a group. */
  #memberIn(group: string, member: string): ChangedObject {
    const there = this.#home(group);
    if (this.#home(member) === there) return this.#object(member);
    const number = Number(member.slice(1)) + (member.startsWith('u') ? 300 : 400);
    return this.#domains[there].foreignSecurityPrincipal(number, this.#object(member).sid);
  }

  async #write(): Promise<void> {
    const { users, groups, memberships } = this.#graph;
    for (const name of numbered('u', users.length)) await this.#domains[this.#home(name)].page(this.#object(name));
    for (const [index, { home, kind }] of groups.entries()) {
      const name = `g${index}`;
      const members = memberships.filter(([, group]) => group === name).map(([member]) => this.#memberIn(name, member));
      const standIns = members.filter(({ attributes }) => attributes.objectClass?.includes('foreignSecurityPrincipal'));
      await this.#domains[home].page(...standIns, this.#object(name, members));
      if (kind !== 'deleted' && kind !== 'outOfScope') continue;
      // Only the group's own row says so: its memberships lie there until the rest of the page is written.
      const [row] = (await this.mirror.read([objectKey(this.named(name).domain, this.named(name).guid)])).filter(isObjectRow);
      if (row === undefined) throw new Error(`the mirror lacks ${name}`);
      const mark = kind === 'deleted' ? { deleted: true } : { outOfScope: true as const };
      await this.mirror.write([{ ...row, revision: row.revision + 1, ...mark }]);
    }
  }
}

/** The groups that a user is effectively a member of: what conveys, of its groups, of their groups, until nothing more comes. */
export function effectiveGroups({ groups, memberships }: Graph, user: string): string[] {
  const reached = new Set([user]);
  const conveys = (group: string) => groups[Number(group.slice(1))]?.kind === 'security';
  for (let before = 0; before !== reached.size; ) {
    before = reached.size;
    for (const [member, group] of memberships) if (reached.has(member) && conveys(group)) reached.add(group);
  }
  return [...reached].filter((name) => name !== user).sort();
}

/** Whom a change of a group affects: its members, and the members of every group among them that conveys, until nothing more comes. */
export function affectedUsers({ groups, memberships }: Graph, changed: string): string[] {
  const reached = new Set([changed]);
  const conveys = (name: string) => name.startsWith('u') || groups[Number(name.slice(1))]?.kind === 'security';
  for (let before = 0; before !== reached.size; ) {
    before = reached.size;
    for (const [member, group] of memberships) if (reached.has(group) && conveys(member)) reached.add(member);
  }
  return [...reached].filter((name) => name.startsWith('u')).sort();
}
