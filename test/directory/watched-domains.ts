/** Several watched domains in one mirror: rows are those that change capture makes of each domain's pages. */
import { applyPage, keysOf, type PageContext } from '../../handlers/directory/apply-page.ts';
import type { ChangedObject } from '../../handlers/directory/directory-source.ts';
import { namingContextOf } from '../../handlers/directory/distinguished-name.ts';
import { type MirrorRow, membersListing, objectKey } from '../../handlers/directory/mirror.ts';
import type { MemoryMirror } from './memory-mirror.ts';
import { context as contextOfCorp, delta, guidOf, referenceTo } from './rows.ts';

export class WatchedDomain {
  readonly name: string;
  readonly #mirror: MemoryMirror;
  /** Tells its GUIDs and SIDs from those of the other domains. */
  readonly #number: number;
  readonly #base: string;

  constructor(mirror: MemoryMirror, name: string, number: number) {
    this.name = name;
    this.#mirror = mirror;
    this.#number = number;
    this.#base = namingContextOf(name);
  }

  user(rid: number, name: string, attributes: Record<string, readonly string[]> = {}): ChangedObject {
    return this.#object(rid, `CN=${name},OU=People`, {
      objectClass: ['top', 'person', 'organizationalPerson', 'user'],
      name: [name],
      sAMAccountName: [name],
      userAccountControl: ['512'],
      ...attributes,
    });
  }

  group(rid: number, name: string, members: readonly ChangedObject[] = []): ChangedObject {
    const attributes = { objectClass: ['top', 'group'], name: [name], sAMAccountName: [name] };
    return { ...this.#object(rid, `CN=${name},OU=Groups`, attributes), membersAdded: members.map(referenceTo) };
  }

  /** What stands here for a principal of another forest: an object of its own with the other's SID (MS-ADTS section 6.1.1.4.10). */
  foreignSecurityPrincipal(rid: number, sid: string | undefined): ChangedObject {
    const attributes = { objectClass: ['top', 'foreignSecurityPrincipal'], name: [String(sid)] };
    return { ...this.#object(rid, `CN=${sid},CN=ForeignSecurityPrincipals`, attributes), sid };
  }

  /** A page of changes, written. */
  async page(...objects: readonly ChangedObject[]): Promise<void> {
    const rows = await this.rowsOf(...objects);
    if (rows.length > 0) await this.#mirror.write(rows);
  }

  /** What a page of changes would write. */
  async rowsOf(...objects: readonly ChangedObject[]): Promise<readonly MirrorRow[]> {
    const context: PageContext = { ...contextOfCorp, domain: this.name };
    const partitions = await Promise.all(objects.map(({ guid }) => this.#mirror.readPartition(objectKey(this.name, guid).pk)));
    const listings = await Promise.all(objects.map(({ guid }) => this.#mirror.list(membersListing(this.name, guid))));
    const others = await this.#mirror.read([...keysOf(objects, context), ...listings.flat()]);
    return applyPage(objects, [...partitions.flat(), ...others], context);
  }

  leave(group: ChangedObject, member: ChangedObject): Promise<void> {
    return this.page(delta(group, { membersRemoved: [referenceTo(member)] }));
  }

  #object(rid: number, name: string, attributes: Record<string, readonly string[]>): ChangedObject {
    const sid = `S-1-5-21-${this.#number}-0-0-${rid}`;
    return {
      guid: guidOf(this.#number * 10_000 + rid),
      sid,
      dn: `${name},${this.#base}`,
      attributes,
      membersAdded: [],
      membersRemoved: [],
    };
  }
}
