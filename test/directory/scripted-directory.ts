/**
 * A directory in memory, as its domain controllers show it: a page of changes for each cookie, and look-ups in the state that follows from
 * the pages. A test scripts what happens with `set`, and with the rest what a directory does to a reader: loses rights, fails, goes back.
 */
import {
  type ChangedObject,
  type ChangePage,
  type DirectorySource,
  DirectoryUnreachableError,
  type Existence,
  type FoundObject,
  type LockoutEnd,
} from '../../handlers/directory/directory-source.ts';
import type { ObjectReference } from '../../handlers/platform/object-identity.ts';
import { guidOf } from './rows.ts';

export const page = (objects: readonly ChangedObject[], cookie: string, moreResults = false): ChangePage => ({
  objects,
  cookie: Buffer.from(cookie),
  moreResults,
});

export interface ScriptedController {
  readonly host: string;
  usn: bigint;
  invocationId: string;
  /** Refuses connections. */
  down: boolean;
}

/** Entries of one batch of a subtree search: few, so that tests cross its ends. */
const batchWidth = 2;

export class ScriptedDirectory {
  readonly controllers: ScriptedController[] = [];
  /** Cookies in the order they were asked with, and `method host` of all searches. */
  readonly asked: string[] = [];
  readonly searches: string[] = [];
  /** What is there, and what a deletion left. */
  readonly living = new Map<string, ChangedObject>();
  readonly deleted = new Set<string>();
  readonly members = new Map<string, Set<string>>();
  /** GUIDs of objects, and of groups' member lists, that the account may not read. */
  readonly unreadable = new Set<string>();
  readonly missingUnits = new Set<string>();
  readonly unreadableMembers = new Set<string>();
  readonly unreadableAttributes = new Set<string>();
  readonly lockedOut = new Map<string, LockoutEnd>();
  /** Look-ups show what pages have brought, and nothing of the later ones. */
  pagesAreThePresent = false;
  tombstoneDays = 180;
  adminSdHolder: ChangedObject | undefined;
  /** Called before each search; what it throws is the search's failure. */
  beforeSearch: (method: string, controller: ScriptedController) => void = () => {};
  readonly #answers = new Map<string, ChangePage | Error>();

  constructor() {
    this.addController('dc1');
  }

  addController(name: string): ScriptedController {
    const controller = { host: `${name}.corp.example.com`, usn: 1000n, invocationId: `database of ${name}`, down: false };
    this.controllers.push(controller);
    return controller;
  }

  get dc1(): ScriptedController {
    const [first] = this.controllers;
    if (first === undefined) throw new Error('no controller');
    return first;
  }

  /** Answers a cookie. Something happened in the directory for it: USNs grow, and look-ups show it. */
  set(cookie: string, answer: ChangePage | Error): this {
    this.written();
    this.#answers.set(cookie, answer);
    if (!this.pagesAreThePresent) this.#show(answer);
    return this;
  }

  #show(answer: ChangePage | Error | undefined): void {
    if (answer !== undefined && !(answer instanceof Error)) for (const object of answer.objects) this.happen(object);
  }

  /** Something was written: no controller is quiet. */
  written(): void {
    for (const controller of this.controllers) controller.usn += 1n;
  }

  /** Something happened, without a page that says so. */
  happen(change: ChangedObject): void {
    if (change.attributes.isDeleted?.[0] === 'TRUE') {
      this.vanish(change.guid);
      this.deleted.add(change.guid);
      return;
    }
    const before = this.living.get(change.guid);
    // Deleted and restored since: without its memberships.
    if (change.attributes.isDeleted?.length === 0) this.vanish(change.guid);
    this.deleted.delete(change.guid);
    this.living.set(change.guid, { ...before, ...change, attributes: { ...before?.attributes, ...change.attributes } });
    const members = this.members.get(change.guid) ?? new Set();
    for (const { guid } of change.membersAdded) members.add(guid);
    for (const { guid } of change.membersRemoved) members.delete(guid);
    this.members.set(change.guid, members);
  }

  /** Gone without a tombstone, as after garbage collection. */
  vanish(guid: string): void {
    this.living.delete(guid);
    this.members.delete(guid);
    for (const members of this.members.values()) members.delete(guid);
  }

  readonly connect = async (except: ReadonlySet<string>): Promise<DirectorySource> => {
    const tried = this.controllers.filter(({ host }) => !except.has(urlOf(host)));
    const up = tried.find(({ down }) => !down);
    if (up !== undefined) return this.source(up);
    const reasons = tried.map(({ host }) => `${urlOf(host)}: ECONNREFUSED`);
    throw new DirectoryUnreachableError(`no domain controller answers: ${reasons.join('; ')}`);
  };

  source(controller: ScriptedController): DirectorySource {
    const search = (method: string) => {
      this.searches.push(`${method} ${controller.host}`);
      this.beforeSearch(method, controller);
    };
    return {
      url: urlOf(controller.host),
      controller: async () => {
        search('controller');
        return { host: controller.host, usn: controller.usn };
      },
      invocationId: async () => {
        search('invocationId');
        return controller.invocationId;
      },
      tombstoneLifetimeDays: async () => {
        search('tombstoneLifetimeDays');
        return this.tombstoneDays;
      },
      changesSince: async (cookie) => {
        search('changesSince');
        if (this.pagesAreThePresent) this.#show(this.#answers.get(cookie.toString()));
        this.asked.push(cookie.toString());
        const answer = this.#answers.get(cookie.toString()) ?? page([], cookie.toString() || 'c0');
        if (answer instanceof Error) throw answer;
        return answer;
      },
      adminSdHolder: async () => {
        search('adminSdHolder');
        return this.adminSdHolder;
      },
      find: async (name) => {
        search('find');
        const found = this.#readable().find(({ sid, dn }) => dn.toLowerCase() === name.toLowerCase() || `<SID=${sid}>` === name);
        // A unit is there unless a test says otherwise; few tests care for its object.
        if (found === undefined && name.startsWith('OU=') && !this.missingUnits.has(name))
          return { guid: guidOf(9_999), type: 'group', name, dn: name };
        if (found === undefined) return undefined;
        const { guid, sid, dn, attributes } = found;
        return { guid, ...(sid === undefined ? {} : { sid }), type: 'group', name: attributes.name?.[0] ?? guid, dn };
      },
      below: (containerGuid) => this.#below(containerGuid, search),
      lockouts: async (guids) => {
        search('lockouts');
        return new Map([...this.lockedOut].filter(([guid]) => guids.includes(guid)));
      },
      lookUp: async (guids) => {
        search('lookUp');
        return this.#readable()
          .filter(({ guid }) => guids.includes(guid))
          .map((object) => this.#found(object));
      },
      withoutValue: async (guids, attribute) => {
        search('withoutValue');
        const none = this.#readable().filter(({ guid, attributes }) => guids.includes(guid) && !attributes[attribute]?.length);
        return new Set(this.unreadableAttributes.has(attribute) ? [] : none.map(({ guid }) => guid));
      },
      existence: async (guid): Promise<Existence> => {
        search('existence');
        if (this.unreadable.has(guid)) return 'none';
        return this.living.has(guid) ? 'living' : this.deleted.has(guid) ? 'deleted' : 'none';
      },
      members: async (group) => {
        search('members');
        const members = this.unreadableMembers.has(group) ? [] : [...(this.members.get(group) ?? [])];
        return members.map((guid) => ({ guid, dn: this.living.get(guid)?.dn ?? '', sid: this.living.get(guid)?.sid }));
      },
      memberState: async (group, member) => {
        search('memberState');
        const members = this.members.get(group);
        if (members === undefined || members.size === 0 || this.unreadableMembers.has(group) || this.unreadable.has(group))
          return 'unproven';
        return members.has(member) ? 'there' : 'gone';
      },
      close: async () => {},
    };
  }

  #readable(): readonly ChangedObject[] {
    return [...this.living.values()].filter(({ guid }) => !this.unreadable.has(guid));
  }

  #found({ guid, sid, dn, attributes }: ChangedObject): FoundObject {
    const shown = Object.entries(attributes).map(([name, values]) => [name, this.unreadableAttributes.has(name) ? [] : values] as const);
    const groups = [...this.members].filter(([group, members]) => members.has(guid) && !this.unreadableMembers.has(group));
    return { guid, sid, dn, attributes: Object.fromEntries(shown), memberOf: groups.map(([group]) => group) };
  }

  async *#below(containerGuid: string, search: (method: string) => void): AsyncGenerator<readonly ObjectReference[]> {
    search('below');
    const suffix = `,${this.living.get(containerGuid)?.dn}`;
    const found = this.#readable().filter(({ dn }) => dn.endsWith(suffix));
    for (let start = 0; start < found.length; start += batchWidth) {
      yield found.slice(start, start + batchWidth).map(({ guid, sid, dn }) => ({ guid, sid, dn }));
    }
  }
}

const urlOf = (host: string): string => `ldaps://${host}`;
