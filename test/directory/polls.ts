/** Polls of detect-changes over a mirror in memory and a scripted directory. */
import { type CaptureOptions, type CaptureSettings, captureSettings } from '../../handlers/directory/capture-settings.ts';
import { type DetectChangesDependencies, detectChanges, type Invocation } from '../../handlers/directory/detect-changes/detect-changes.ts';
import type { DirectorySource } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { type Cursor, isObjectRow, type ObjectRow, objectKey } from '../../handlers/directory/mirror.ts';
import type { IdentityEventType } from '../../handlers/events/catalogue.ts';
import type { AnyIdentityEvent, EventOf } from '../../handlers/events/identity-event.ts';
import { type MemoryMirror, memoryMirror } from './memory-mirror.ts';
import { domain, groupObject, userObject } from './rows.ts';
import { page, ScriptedDirectory } from './scripted-directory.ts';

export { page } from './scripted-directory.ts';

export const ada = userObject(1, 'Ada');
export const bea = userObject(2, 'Bea');
export const staff = groupObject(10, 'Staff', [ada, bea]);

export class Polls {
  /** Epoch ms of the clock that mirror and polls share. */
  time = Date.parse('2025-03-01T10:00:00Z');
  readonly now = () => new Date(this.time);
  readonly directory = new ScriptedDirectory();
  mirror: MemoryMirror;
  settings: CaptureSettings;
  /** Codes of the log, and all of it. */
  readonly codes: string[] = [];
  readonly logged: { readonly code: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
  #requests = 0;

  constructor(options: CaptureOptions = {}, mirror: (now: () => Date) => MemoryMirror = memoryMirror) {
    this.settings = captureSettings(options);
    this.mirror = mirror(this.now);
  }

  /** A connection to the first domain controller. */
  get source(): DirectorySource {
    return this.directory.source(this.directory.dc1);
  }

  deps(change: Partial<DetectChangesDependencies> = {}): DetectChangesDependencies {
    const write = (code: string, fields: Record<string, unknown> = {}) => {
      this.codes.push(code);
      this.logged.push({ code, fields });
    };
    const log = { info: write, warn: write, error: write };
    return { domain, settings: this.settings, mirror: this.mirror, connect: this.directory.connect, log, now: this.now, ...change };
  }

  invocation(remainingMs: () => number = () => 300_000): Invocation {
    this.#requests += 1;
    return { requestId: `request-${this.#requests}`, remainingMs };
  }

  readonly poll = (change: Partial<DetectChangesDependencies> = {}) => detectChanges(this.deps(change), this.invocation());

  /** A poll that has time for one page only. */
  readonly shortPoll = () =>
    detectChanges(
      this.deps(),
      this.invocation(() => 29_000),
    );

  readonly approve = (approval: string) => detectChanges(this.deps(), { ...this.invocation(), approve: approval });

  /** Polls until nothing is left to do. */
  async settle(): Promise<void> {
    do this.time += 60_000;
    while ((await this.poll()).outcome !== 'done' || this.cursor.verification !== undefined);
  }

  get cursor(): Cursor {
    const cursor = this.mirror.cursorOf(domain);
    if (cursor === undefined) throw new Error('no cursor');
    return cursor;
  }

  /** Changes the saved cursor, as another release or a hand would. */
  async changeCursor(change: Partial<Cursor>): Promise<void> {
    const lease = await this.mirror.acquireLease(domain, 'hand', 1_000);
    if (lease === undefined) throw new Error('no lease');
    await this.mirror.release(domain, lease.fence, { ...this.cursor, ...change });
  }

  async row({ guid }: { readonly guid: string }): Promise<ObjectRow> {
    const row = (await this.mirror.read([objectKey(domain, guid)])).find(isObjectRow);
    if (row === undefined) throw new Error(`no row of ${guid}`);
    return row;
  }

  /** What publish-changes would raise from the table's stream. */
  events(): AnyIdentityEvent[] {
    return this.mirror.changes.flatMap(({ before, after }) => identityEvents(before, after));
  }

  eventsOf<T extends IdentityEventType>(type: T): EventOf<T>[] {
    return this.events().filter((event): event is EventOf<T> => event.type === type);
  }

  readonly types = () => this.events().map(({ type }) => type);

  /** The types of the events that some work raises. */
  async since(work: () => Promise<unknown>): Promise<string[]> {
    const mark = this.types().length;
    await work();
    return this.types().slice(mark);
  }

  /** GIVEN a mirror that holds Ada and Bea, both members of Staff, at cookie c1, and what else is given. */
  async firstSync(...others: Parameters<typeof page>[0]): Promise<void> {
    this.directory.set('', page([ada, bea, staff, ...others], 'c1'));
    await this.poll();
  }

  /** The types of the events of one poll, for which a page answers the saved cookie. */
  async told(...objects: Parameters<typeof page>[0]): Promise<string[]> {
    const cookie = this.cursor.cookie.toString();
    this.directory.set(cookie, page(objects, `${cookie}+`));
    this.time += 60_000;
    return this.since(this.poll);
  }
}
