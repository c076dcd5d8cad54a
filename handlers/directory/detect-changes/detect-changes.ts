/** One poll of a directory: pages of changes into the mirror, the cursor after each; then what time and verification bring. */
import type { Log } from '../../platform/log.ts';
import { applyTime, countsOf, MirrorIncompleteError } from '../apply-page.ts';
import type { CaptureSettings } from '../capture-settings.ts';
import {
  type ChangedObject,
  type ControllerState,
  CookieRefusedError,
  type DirectorySource,
  DirectoryUnreachableError,
  mirroredAttributes,
} from '../directory-source.ts';
import { type Cursor, isEdgeRow, isObjectRow, type Lease, LeaseLostError, type Mirror, membershipMark, type Query } from '../mirror.ts';
import { scopeGroups, scopeUnits } from '../scope.ts';
import type { ActorHints } from '../security-log/actor-hints.ts';
import { DirectoryStatus } from './directory-status.ts';
import { PageReader, type PollContext } from './page-rows.ts';
import {
  databaseChange,
  emptyCursor,
  extraAttributes,
  type FullSyncReason,
  fullSync,
  isQuiet,
  queryOf,
  remember,
  staleness,
} from './starting-point.ts';
import { beginVerification, verificationDue, verify } from './verification.ts';

export interface DetectChangesDependencies {
  readonly domain: string;
  readonly settings: CaptureSettings;
  readonly mirror: Mirror;
  /** Opens a connection to a domain controller, not to one of those URLs. @throws DirectoryUnreachableError when none is left */
  readonly connect: (except: ReadonlySet<string>) => Promise<DirectorySource>;
  /** Who did it, as far as the Security log is read. */
  readonly hints?: ActorHints | undefined;
  readonly log: Log;
  readonly now: () => Date;
}

export interface Invocation {
  readonly requestId: string;
  readonly remainingMs: () => number;
  /** A person lets through what the guard held back: the approval that DirectoryGuardTripped names. */
  readonly approve?: string | undefined;
}

/** How a poll ended. `continues`: more pages wait, and the next poll takes them up from the saved cursor. */
export type PollResult =
  | { readonly outcome: 'lease-held' }
  | {
      readonly outcome: 'done' | 'continues';
      readonly pages: number;
      readonly objects: number;
      readonly written: number;
      /** Of a poll that was to approve something. */
      readonly approval?: 'accepted' | 'unknown';
    };

/** What is left of the invocation when no further page is begun. A page of AD holds some 1,000 objects. */
const reserveMs = 30_000;

/**
 * Polls once.
 *
 * @throws DirectoryUnreachableError after the mirror's status says so; the next poll tries again
 * @throws LeaseLostError when another invocation took over
 */
export async function detectChanges(deps: DetectChangesDependencies, invocation: Invocation): Promise<PollResult> {
  const { domain, mirror, log } = deps;
  const lease = await mirror.acquireLease(domain, invocation.requestId, invocation.remainingMs());
  if (lease === undefined) {
    log.info('LEASE_HELD', { domain });
    return { outcome: 'lease-held' };
  }
  const poll = new Poll(deps, invocation, lease.fence);
  try {
    await poll.start(lease);
    const outcome = await poll.run();
    await mirror.release(domain, lease.fence, poll.cursor);
    poll.report(outcome);
    return { outcome, pages: poll.pages, objects: poll.objects, written: poll.written, ...(poll.approval && { approval: poll.approval }) };
  } catch (error) {
    // A failure to say so must not hide why the poll failed: the lease runs out by itself.
    if (!(error instanceof LeaseLostError)) {
      await poll.giveUp(error).catch((second: unknown) => log.error('GIVE_UP_FAILED', { domain, error: String(second) }));
    }
    throw error;
  }
}

class Poll {
  pages = 0;
  objects = 0;
  written = 0;
  approval: 'accepted' | 'unknown' | undefined;
  readonly #deps: DetectChangesDependencies;
  readonly #invocation: Invocation;
  readonly #fence: number;
  readonly #query: Query;
  readonly #status: DirectoryStatus;
  #cursor: Cursor;
  /** Where a failure goes back to: what is saved, or what was decided on before the first page. */
  #checkpoint: Cursor;
  /** Since when the directory was unreachable, when the poll began. */
  #unreachableSince: string | undefined;
  #startedOver = false;
  #servers: string[] = [];
  #polledBefore: string | undefined;

  constructor(deps: DetectChangesDependencies, invocation: Invocation, fence: number) {
    this.#deps = deps;
    this.#invocation = invocation;
    this.#fence = fence;
    this.#query = queryOf(deps.settings);
    this.#status = new DirectoryStatus(deps.mirror, deps.domain, fence, deps.now);
    this.#cursor = emptyCursor(this.#query);
    this.#checkpoint = this.#cursor;
  }

  get cursor(): Cursor {
    return this.#cursor;
  }

  async start({ cursor: stored, first }: Lease): Promise<void> {
    this.#polledBefore = stored?.polledAt;
    this.#unreachableSince = stored?.unreachableSince;
    await this.#begin(stored, first);
    const stale = staleness(this.#cursor, this.#query, this.#deps.now());
    if (stale !== undefined) this.#startFullSync(stale);
    if (this.#invocation.approve !== undefined) await this.#approve(this.#invocation.approve);
    const { heldBack } = this.#cursor;
    if (heldBack !== undefined && heldBack.expiresAt <= this.#time()) {
      await this.#status.guardEnded(heldBack.approval, 'expired');
      this.#cursor = { ...this.#cursor, heldBack: undefined };
    } else if (heldBack !== undefined) {
      this.#deps.log.warn('GUARD_HELD', {
        domain: this.#deps.domain,
        approval: heldBack.approval,
        gone: heldBack.gone,
        expiresAt: heldBack.expiresAt,
      });
    }
    this.#checkpoint = this.#cursor;
  }

  /** From the saved cursor; or from the beginning, over rows that may be there. */
  async #begin(stored: Cursor | undefined, first: boolean): Promise<void> {
    const told = stored === undefined || stored.snapshot !== undefined ? await this.#status.snapshotWasTold() : true;
    this.#cursor = stored ?? this.#cursor;
    // A poll that ended after it had told the first snapshot, or the cursor was lost: what comes now is a change, not a second snapshot.
    if (told) this.#cursor = { ...this.#cursor, snapshot: undefined };
    if (this.#cursor.cookie.length > 0) return;
    // What this read does not show of the rows that an earlier one left is looked up at its end. In a run of its own, because an earlier one
    // noted what may have ended since.
    const again = !first || told || this.#cursor.fullSync !== undefined;
    if (again) this.#cursor = { ...this.#cursor, fullSync: { run: this.#time(), learning: this.#cursor.fullSync?.learning ?? [] } };
    if (stored === undefined && told) this.#deps.log.warn('FULL_SYNC', { domain: this.#deps.domain, reason: 'cursor-lost' });
  }

  /** Reads from the first domain controller that does what is asked; one that fails in the middle is left for the next, at the saved cursor. */
  async run(): Promise<'done' | 'continues'> {
    const failed = new Map<string, string>();
    for (;;) {
      let source: DirectorySource;
      try {
        source = await this.#deps.connect(new Set(failed.keys()));
      } catch (error) {
        if (!(error instanceof DirectoryUnreachableError) || failed.size === 0) throw error;
        throw new DirectoryUnreachableError([...failed.values(), error.message].join('; '), { cause: error });
      }
      try {
        return await this.#pollAt(source);
      } catch (error) {
        if (!(error instanceof DirectoryUnreachableError)) throw error;
        failed.set(source.url, error.message);
        this.#deps.log.warn('CONTROLLER_FAILED', { domain: this.#deps.domain, server: source.url, reason: error.message });
        this.#cursor = this.#checkpoint;
        this.#startedOver = false;
      } finally {
        await source
          .close()
          .catch((error: unknown) => this.#deps.log.warn('CLOSE_FAILED', { domain: this.#deps.domain, error: String(error) }));
      }
    }
  }

  report(outcome: 'done' | 'continues'): void {
    const { domain, settings, log } = this.#deps;
    log.info('POLL_DONE', {
      domain,
      server: this.#servers.at(-1),
      pages: this.pages,
      objects: this.objects,
      written: this.written,
      continues: outcome === 'continues',
      ...this.#lag(this.#polledBefore),
      ...(settings.mode === 'object-security' ? { deletionsBy: 'verification' } : {}),
    });
  }

  async #pollAt(source: DirectorySource): Promise<'done' | 'continues'> {
    this.#servers.push(source.url);
    const controller = await source.controller();
    const reader = new PageReader(this.#deps, source);
    if (!isQuiet(this.#cursor, controller)) {
      const invocationId = await source.invocationId();
      const changed = databaseChange(this.#cursor, controller, invocationId);
      if (changed !== undefined) {
        this.#startFullSync(changed, controller);
        // At once: a full sync that takes several polls would find the same reason in each, and never end.
        this.#cursor = remember(this.#cursor, controller, invocationId);
      }
      const context = await this.#context(source);
      if (this.#cursor.scopeUnknown && !context.scopeUnknown) this.#startFullSync('scope-known', controller);
      this.#cursor = { ...this.#cursor, scopeUnknown: context.scopeUnknown || undefined };
      if (!(await this.#readPages(source, reader, context))) return 'continues';
      await this.#readPolicy(source, reader, context);
      await this.#upToDate(source, controller, invocationId);
    } else this.#cursor = { ...this.#cursor, polledAt: this.#time() };
    await this.#reachable();
    await this.#passTime(source);
    await this.#verify(source, reader);
    return 'done';
  }

  /** @returns whether all pages were read */
  async #readPages(source: DirectorySource, reader: PageReader, context: PollContext): Promise<boolean> {
    for (;;) {
      const { domain, mirror, log } = this.#deps;
      const cookie = this.#cursor.cookie;
      const page = await this.#nextPage(source);
      if (page === undefined) continue;
      const now = this.#deps.now();
      const pageContext: PollContext = {
        ...context,
        snapshot: this.#cursor.snapshot !== undefined,
        ...(this.#cursor.fullSync && { learning: this.#cursor.fullSync.learning }),
      };
      try {
        // Also in a full read of several pages: a container that moves meanwhile comes again, but not what came before it.
        for (const container of await reader.movedContainers(page.objects, domain)) {
          let renamed = 0;
          for await (const objects of reader.renamedBelow(container, domain)) {
            await this.#write(await reader.rows(objects, pageContext, now));
            renamed += objects.length;
          }
          log.info('CONTAINER_MOVED', { domain, container, renamed });
        }
        await this.#write(await reader.rows(page.objects, pageContext, now));
      } catch (error) {
        if (!(error instanceof MirrorIncompleteError)) throw error;
        if (this.#startedOver || cookie.length === 0)
          throw new MirrorIncompleteError(`a full sync of ${domain} brought an object without objectClass`, { cause: error });
        log.warn('MIRROR_INCOMPLETE', { domain, remedy: 'full sync' });
        this.#startedOver = true;
        this.#cursor = fullSync(this.#cursor, this.#query, this.#time());
        continue;
      }
      // What a delta brings while a full sync is not verified was seen too.
      const run = this.#cursor.fullSync?.run ?? this.#cursor.verification?.run ?? this.#cursor.heldBack?.run;
      if (run !== undefined) await mirror.noteSeen(domain, run, page.objects.flatMap(marksOf));
      const snapshot = this.#cursor.snapshot && countsOf(page.objects, this.#cursor.snapshot);
      // After the rows: whoever hears that the snapshot is complete finds it complete.
      if (snapshot !== undefined && !page.moreResults) {
        await this.#status.snapshotCompleted(snapshot);
        // From then on what comes is told, also when this page comes again.
        this.#checkpoint = { ...this.#checkpoint, snapshot: undefined };
      }
      this.pages += 1;
      this.objects += page.objects.length;
      this.#cursor = {
        ...this.#cursor,
        cookie: page.cookie,
        more: page.moreResults,
        snapshot: page.moreResults ? snapshot : undefined,
      };
      if (!page.moreResults) return true;
      await this.#reachable();
      if (this.#invocation.remainingMs() < reserveMs) return false;
      await this.#save();
    }
  }

  /** The next page, or undefined when the domain controller refused the cookie. */
  async #nextPage(source: DirectorySource) {
    try {
      return await source.changesSince(this.#cursor.cookie);
    } catch (error) {
      if (!(error instanceof CookieRefusedError) || this.#cursor.cookie.length === 0) throw error;
      this.#deps.log.warn('CURSOR_REFUSED', { domain: this.#deps.domain, server: source.url, error: error.message, remedy: 'full sync' });
      this.#cursor = fullSync(this.#cursor, this.#query, this.#time());
      return undefined;
    }
  }

  /** AdminSDHolder's descriptor, which DirSync would only send with everybody's. */
  async #readPolicy(source: DirectorySource, reader: PageReader, context: PollContext): Promise<void> {
    const holder = await source.adminSdHolder();
    if (holder !== undefined) await this.#write(await reader.rows([holder], context, this.#deps.now()));
  }

  /** Everything is read: from the controller's USN on, which was taken before the first page. */
  async #upToDate(source: DirectorySource, controller: ControllerState, invocationId: string): Promise<void> {
    const { fullSync: synced, tombstoneDays, givenBy } = this.#cursor;
    this.#cursor = {
      ...remember(this.#cursor, controller, invocationId),
      polledAt: this.#time(),
      givenBy: givenBy?.host === controller.host ? givenBy : { host: controller.host, since: givenBy && this.#time() },
      fullSync: undefined,
      tombstoneDays: tombstoneDays === undefined || synced !== undefined ? await source.tombstoneLifetimeDays() : tombstoneDays,
    };
    if (synced !== undefined) this.#cursor = beginVerification(this.#cursor, this.#time(), synced.run);
  }

  /** Accounts that expired, and lockouts that ended: nothing is written in the directory then. Without a controller only the former. */
  async #passTime(source?: DirectorySource): Promise<void> {
    const { domain, mirror, now } = this.#deps;
    const keys = await mirror.due(domain, this.#time());
    if (keys.length === 0) return;
    const rows = (await mirror.read(keys)).filter(isObjectRow);
    const asked = source === undefined ? [] : rows.filter(({ lockedOut }) => lockedOut !== undefined).map(({ guid }) => guid);
    const context = {
      ...this.#baseContext([]),
      detectedAt: now().toISOString(),
      primaryGroups: new Map(),
      lockouts: source === undefined || asked.length === 0 ? new Map() : await source.lockouts(asked),
      lockoutsAsked: new Set(asked),
    };
    await this.#write(applyTime(rows, context));
  }

  async #verify(source: DirectorySource, reader: PageReader): Promise<void> {
    if (this.#cursor.verification === undefined && verificationDue(this.#cursor, this.#deps.settings, this.#deps.now())) {
      this.#cursor = beginVerification(this.#cursor, this.#time(), undefined);
    }
    if (this.#cursor.verification === undefined) return;
    const context = await this.#context(source);
    this.#cursor = await verify(this.#cursor, {
      ...this.#deps,
      source,
      reader,
      context,
      status: this.#status,
      readHereSince: this.#cursor.givenBy?.since,
      remainingMs: () => this.#invocation.remainingMs() - reserveMs,
      write: (rows) => this.#write(rows),
    });
  }

  async #context(source: DirectorySource): Promise<PollContext> {
    const { domain, settings, log } = this.#deps;
    const found = async (name: string) => ({ name, object: await source.find(baseOf(name)) });
    const groups = await Promise.all(scopeGroups(settings.scope).map(found));
    const units = await Promise.all(scopeUnits(settings.scope).map(found));
    // A group that was deleted, a unit that was renamed, a name with a typo: nobody loses access because of it.
    const unknown = [...groups, ...units].filter(({ object }) => object === undefined).map(({ name }) => name);
    if (unknown.length > 0) {
      log.error('SCOPE_UNKNOWN', {
        domain,
        unknown,
        remedy: 'name groups and units that exist: until then nobody who is known leaves or enters',
      });
    }
    return { ...this.#baseContext(groups.flatMap(({ object }) => object ?? [])), scopeUnknown: unknown.length > 0 };
  }

  #baseContext(groups: PollContext['scopeGroups']): PollContext {
    const { domain, settings } = this.#deps;
    return {
      domain,
      fence: this.#fence,
      snapshot: false,
      mirrored: new Set(mirroredAttributes(extraAttributes(settings))),
      scope: settings.scope,
      scopeGroups: groups,
    };
  }

  async #approve(approval: string): Promise<void> {
    const { heldBack } = this.#cursor;
    if (heldBack === undefined || heldBack.approval !== approval || heldBack.expiresAt <= this.#time()) {
      this.approval = 'unknown';
      this.#deps.log.warn('APPROVAL_UNKNOWN', {
        domain: this.#deps.domain,
        approval,
        remedy: 'approve what DirectoryGuardTripped named last, before it expires',
      });
      return;
    }
    this.approval = 'accepted';
    await this.#status.guardEnded(approval, 'approved');
    const begun = beginVerification({ ...this.#cursor, heldBack: undefined }, this.#time(), heldBack.run);
    this.#cursor = { ...begun, verification: begun.verification && { ...begun.verification, approved: heldBack.gone } };
  }

  #startFullSync(reason: FullSyncReason, controller?: ControllerState): void {
    const { domain, log } = this.#deps;
    log.warn('FULL_SYNC', { domain, reason, server: controller?.host, usn: controller?.usn.toString() });
    this.#cursor = fullSync(this.#cursor, this.#query, this.#time());
  }

  /** The status before the cursor: a status that says unreachable beside a cursor that does not would never be taken back. */
  async #reachable(): Promise<void> {
    await this.#status.reachable(this.#unreachableSince);
    this.#unreachableSince = undefined;
    this.#cursor = { ...this.#cursor, unreachableSince: undefined };
  }

  async #write(rows: Parameters<Mirror['write']>[0]): Promise<void> {
    // Memberships before what changed: an account's row forgets the primary group that it left, and a poll that ends in between would not
    // find it again. What is new has left nothing, and is told before its members are.
    const [edges, objects] = [rows.filter(isEdgeRow), rows.filter((row) => !isEdgeRow(row))];
    await this.#deps.mirror.write(objects.filter(({ revision }) => revision === 1));
    await this.#deps.mirror.write(edges);
    await this.#deps.mirror.write(objects.filter(({ revision }) => revision > 1));
    this.written += rows.length;
  }

  async #save(): Promise<void> {
    await this.#deps.mirror.saveCursor(this.#deps.domain, this.#fence, this.#cursor);
    this.#checkpoint = this.#cursor;
  }

  /** Ends a failed poll: says that the directory is unreachable, once, and gives the lease back. The cursor stays where it was saved. */
  async giveUp(error: unknown): Promise<void> {
    const { domain, mirror, log } = this.#deps;
    if (!(error instanceof DirectoryUnreachableError)) {
      // An account expires whatever the poll failed of.
      await this.#passTime().finally(() => mirror.release(domain, this.#fence, undefined));
      return;
    }
    const cursor = this.#checkpoint;
    const since = cursor.unreachableSince ?? this.#time();
    log.error('DIRECTORY_UNREACHABLE', { domain, reason: error.message, since, ...this.#lag(cursor.polledAt) });
    // The cursor before the status: a status that says unreachable beside a cursor that does not would never be taken back.
    await mirror.saveCursor(domain, this.#fence, { ...cursor, unreachableSince: since });
    await this.#status.unreachable(since, error.message);
    // An account expires without the directory's help.
    await this.#passTime();
    await mirror.release(domain, this.#fence, undefined);
  }

  /** Seconds since the mirror was up to date; nothing while it never was, so that the alarm on missing data rings. */
  #lag(polledAt: string | undefined): { readonly lagSeconds?: number } {
    return polledAt === undefined ? {} : { lagSeconds: (Date.parse(this.#time()) - Date.parse(polledAt)) / 1000 };
  }

  #time(): string {
    return this.#deps.now().toISOString();
  }
}

/** What a page shows: its objects, and the memberships in them. */
const marksOf = ({ guid, membersAdded }: ChangedObject): readonly string[] => [
  guid,
  ...membersAdded.map((member) => membershipMark(guid, member.guid)),
];

/** What a scope names: by SID, or by distinguished name. */
const baseOf = (name: string): string => (/^S-1-/i.test(name) ? `<SID=${name}>` : name);
