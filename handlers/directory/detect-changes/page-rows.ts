/** A page of changes with everything around it that the pure merge needs: existing rows, look-ups in the directory, hints. */
import type { Subject } from '../../events/catalogue.ts';
import type { Log } from '../../platform/log.ts';
import type { ObjectReference } from '../../platform/object-identity.ts';
import { mayBeLockedOut } from '../account-state.ts';
import {
  applyPage,
  endsMemberships,
  isRevived,
  isTombstone,
  keysOf,
  type PageContext,
  primaryEdgesLeft,
  primaryGroupSid,
} from '../apply-page.ts';
import type { ChangedObject, DirectorySource, LockoutEnd } from '../directory-source.ts';
import { isEdgeRow, isObjectRow, type Mirror, type MirrorRow, membersListing, objectKey } from '../mirror.ts';
import { type ActorHints, actorWindowMs } from '../security-log/actor-hints.ts';
import { type HintsAbout, hintIndex } from '../security-log/hint-index.ts';

/** What of a context is the same for a whole poll. */
export type PollContext = Omit<PageContext, 'detectedAt' | 'primaryGroups' | 'lockouts' | 'lockoutsAsked' | 'hints'>;

/** A delta does not say the class; a full read does, and asks about containers only. */
const mayBeContainer = (classes: readonly string[] | undefined): boolean =>
  classes === undefined || classes.some((name) => /^(organizationalUnit|container)$/i.test(name));

/** Look-ups of one poll, each made once. */
export class PageReader {
  readonly #mirror: Mirror;
  readonly #source: DirectorySource;
  readonly #hints: ActorHints | undefined;
  readonly #log: Log;
  readonly #primaryGroups = new Map<string, Subject>();
  readonly #unknownGroups = new Set<string>();

  constructor(deps: { readonly mirror: Mirror; readonly hints?: ActorHints | undefined; readonly log: Log }, source: DirectorySource) {
    this.#mirror = deps.mirror;
    this.#hints = deps.hints;
    this.#log = deps.log;
    this.#source = source;
  }

  /**
   * The rows to write for a page.
   *
   * @throws MirrorIncompleteError when a delta comes for an object that the mirror does not hold
   */
  async rows(page: readonly ChangedObject[], poll: PollContext, now: Date): Promise<readonly MirrorRow[]> {
    if (page.length === 0) return [];
    const objects = await this.#withRestored(page, poll.domain);
    await this.#findPrimaryGroups(objects);
    const context = { ...poll, primaryGroups: this.#primaryGroups };
    const [existing, lockouts, hints] = await Promise.all([
      this.#mirror.read(keysOf(objects, context)),
      this.#lockouts(objects),
      poll.snapshot ? undefined : this.#hintsAbout(objects, now),
    ]);
    // A tombstone of what the mirror never held ends nothing; a full sync brings many of them.
    const known = new Set(existing.filter(isObjectRow).map((row) => row.guid));
    const ending = objects.filter((object) => endsMemberships(object) && known.has(object.guid));
    const [left, ...ended] = await Promise.all([
      this.#mirror.read(primaryEdgesLeft(objects, existing, poll.domain)),
      ...ending.map((object) => this.#membershipsOf(object.guid, poll.domain)),
    ]);
    // Whether the end of a membership is told depends on its group.
    const groups = [...left, ...ended.flat()].filter(isEdgeRow).map(({ group }) => objectKey(poll.domain, group.guid));
    const others = groups.length === 0 ? [] : await this.#mirror.read(groups);
    const dead = await this.#deadStrangers(objects, known);
    const told = dead.size === 0 ? objects : objects.filter(({ guid }) => !dead.has(guid));
    return applyPage(told, [...existing, ...left, ...ended.flat(), ...others], {
      ...context,
      ...lockouts,
      detectedAt: now.toISOString(),
      ...(hints && { hints }),
    });
  }

  /**
   * Changes of what was deleted before the mirror began, or forgotten since: the recycle bin strips its objects half a year after their
   * deletion (MS-ADTS section 3.1.1.5.5.6.3). A full sync would bring nothing of them, and the next one would be due on the next day.
   */
  async #deadStrangers(objects: readonly ChangedObject[], known: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const dead = new Set<string>();
    for (const object of objects) {
      if (known.has(object.guid) || object.attributes.objectClass !== undefined || isTombstone(object)) continue;
      // One that lives is reason enough for a full sync.
      if ((await this.#source.existence(object.guid)) !== 'deleted') break;
      dead.add(object.guid);
    }
    return dead;
  }

  /**
   * The containers that a delta gives another name: what lies in them has another name too, and DirSync does not say so. To be asked before
   * the page is written: after it the mirror would not remember.
   */
  async movedContainers(objects: readonly ChangedObject[], domain: string): Promise<readonly string[]> {
    const named = objects.filter(
      ({ attributes }) => attributes.name !== undefined && attributes.isDeleted === undefined && mayBeContainer(attributes.objectClass),
    );
    const dns = new Map(named.map(({ guid, dn }) => [guid, dn]));
    const rows = (await this.#mirror.read(named.map(({ guid }) => objectKey(domain, guid)))).filter(isObjectRow);
    return rows.flatMap((row) => {
      const container = row.type === 'organizationalUnit' || row.type === 'container';
      return container && !row.deleted && row.dn !== dns.get(row.guid) ? [row.guid] : [];
    });
  }

  /** What lies in a container and has another name than the mirror says, as changes. */
  async *renamedBelow(container: string, domain: string): AsyncGenerator<readonly ChangedObject[]> {
    for await (const batch of this.#source.below(container)) {
      const rows = (await this.#mirror.read(batch.map(({ guid }) => objectKey(domain, guid)))).filter(isObjectRow);
      const known = new Map(rows.filter(({ deleted }) => !deleted).map(({ guid, dn }) => [guid, dn]));
      yield batch.flatMap((object) => {
        const dn = known.get(object.guid);
        return dn === undefined || dn === object.dn ? [] : [{ ...object, attributes: {}, membersAdded: [], membersRemoved: [] }];
      });
    }
  }

  /**
   * What was restored, with all that the directory says of it now. A delta brings only what the restoration wrote: with AD's recycle bin
   * (MS-ADTS section 3.1.1.5.3.7.3) the other attributes and the memberships are simply there again.
   */
  async #withRestored(page: readonly ChangedObject[], domain: string): Promise<readonly ChangedObject[]> {
    const restored = page.filter(isRevived);
    if (restored.length === 0) return page;
    const found = new Map((await this.#source.lookUp(restored.map(({ guid }) => guid))).map((object) => [object.guid, object]));
    const groups = [...new Set([...found.values()].flatMap(({ memberOf }) => memberOf))];
    const mirrored = (await this.#mirror.read(groups.map((guid) => objectKey(domain, guid)))).filter(isObjectRow);
    const joined = mirrored.map(({ guid }) => ({
      ...{ guid, dn: '', attributes: {}, membersRemoved: [] },
      membersAdded: restored
        .filter((object) => found.get(object.guid)?.memberOf.includes(guid))
        .map(({ guid: member, sid, dn }) => ({ guid: member, sid, dn })),
    }));
    // Of a restored group the links of its members: they are not written either.
    const members = new Map<string, readonly ObjectReference[]>();
    for (const { guid } of restored) {
      if (found.get(guid)?.attributes.objectClass?.includes('group')) members.set(guid, await this.#source.members(guid));
    }
    const whole = page.map((object) => {
      const { objectClass: _, ...shown } = (isRevived(object) && found.get(object.guid)?.attributes) || {};
      const values = Object.entries(shown).filter(([, value]) => value.length > 0);
      const membersAdded = isRevived(object) ? [...object.membersAdded, ...(members.get(object.guid) ?? [])] : object.membersAdded;
      return { ...object, membersAdded, attributes: { ...Object.fromEntries(values), ...object.attributes } };
    });
    return [...whole, ...joined];
  }

  async #findPrimaryGroups(objects: readonly ChangedObject[]): Promise<void> {
    const named = new Set(objects.map((object) => primaryGroupSid(object, object.attributes.primaryGroupID?.[0])));
    for (const sid of named) {
      if (sid === undefined || this.#primaryGroups.has(sid) || this.#unknownGroups.has(sid)) continue;
      const group = await this.#source.find(`<SID=${sid}>`);
      if (group !== undefined) this.#primaryGroups.set(sid, group);
      else {
        this.#unknownGroups.add(sid);
        this.#log.warn('PRIMARY_GROUP_UNKNOWN', { sid, remedy: "let the connector's account read the group" });
      }
    }
  }

  async #lockouts(
    objects: readonly ChangedObject[],
  ): Promise<{ lockouts: ReadonlyMap<string, LockoutEnd>; lockoutsAsked: ReadonlySet<string> }> {
    const asked = objects.filter((object) => mayBeLockedOut(object.attributes.lockoutTime)).map(({ guid }) => guid);
    return { lockouts: asked.length === 0 ? new Map() : await this.#source.lockouts(asked), lockoutsAsked: new Set(asked) };
  }

  async #hintsAbout(objects: readonly ChangedObject[], now: Date): Promise<HintsAbout | undefined> {
    if (this.#hints === undefined) return undefined;
    const subjects = objects.flatMap(({ guid, sid }) => (sid === undefined ? [guid] : [guid, sid]));
    return hintIndex(await this.#hints.about(subjects, new Date(now.getTime() - actorWindowMs).toISOString()));
  }

  async #membershipsOf(guid: string, domain: string): Promise<readonly MirrorRow[]> {
    const [own, others] = await Promise.all([
      this.#mirror.readPartition(objectKey(domain, guid).pk),
      this.#mirror.list(membersListing(domain, guid)).then((keys) => this.#mirror.read(keys)),
    ]);
    return [...own, ...others];
  }
}
