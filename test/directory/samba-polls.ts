/** Polls of detect-changes at a real domain controller (Samba), with the connector's own account, over a mirror in memory. */
import { expect } from 'vitest';
import { type CaptureOptions, captureSettings } from '../../handlers/directory/capture-settings.ts';
import {
  type DetectChangesDependencies,
  detectChanges,
  type Invocation,
  type PollResult,
} from '../../handlers/directory/detect-changes/detect-changes.ts';
import { extraAttributes } from '../../handlers/directory/detect-changes/starting-point.ts';
import type { DirectorySource } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { connectLdapSource } from '../../handlers/directory/ldap-source.ts';
import { type Cursor, firstValue, isEdgeRow, isObjectRow, type ObjectRow } from '../../handlers/directory/mirror.ts';
import type { IdentityEventType } from '../../handlers/events/catalogue.ts';
import { type AnyIdentityEvent, type EventOf, parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { type DomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';
import { createConnectorAccount, newPassword, type Population, populate } from '../../sandbox/domain-controller/population.ts';
import { type MemoryMirror, memoryMirror } from './memory-mirror.ts';

export interface SambaPollsOptions {
  /** Another realm is another forest. @default CORP.EXAMPLE.COM */
  readonly realm?: string;
  /** Whether another domain controller can join. @default false */
  readonly replication?: boolean;
  /** Groups to make in OU=Groups. @default none */
  readonly groups?: readonly string[];
  /** @default the defaults */
  readonly settings?: CaptureOptions;
  /** One that another directory uses too. @default a new one */
  readonly mirror?: MemoryMirror;
  /** The connector's account gets no replication right. @default false */
  readonly withoutReplication?: boolean;
}

export interface LogRecord {
  readonly level: 'info' | 'warn' | 'error';
  readonly code: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a poll does otherwise than the one before. */
export type PollChange = Partial<Pick<Invocation, 'approve' | 'remainingMs'>> & Partial<DetectChangesDependencies>;

/** Starts a domain controller with the connector's account, OU=People and OU=Groups. Nothing is polled yet. The caller stops it. */
export async function startSambaPolls(options: SambaPollsOptions = {}): Promise<SambaPolls> {
  const { realm, replication } = options;
  const controller = await startDomainController({ ...(realm && { realm }), ...(replication && { replication }) });
  try {
    const population = await populate(controller, options.groups ?? []);
    if (options.withoutReplication) await createConnectorAccount(controller, newPassword(), ['--without-replication']);
    return new SambaPolls(controller, population, options);
  } catch (error) {
    await controller.stop();
    throw error;
  }
}

export class SambaPolls {
  readonly controller: DomainController;
  readonly population: Population;
  readonly mirror: MemoryMirror;
  /** What the next polls are set to. */
  settings: CaptureOptions;
  /** LDAPS URLs that the next polls try in turn, and the PEM of the authorities that signed their certificates. */
  urls: readonly string[];
  ca: string;
  /** Our clock runs ahead of the domain controller's by so much. */
  aheadMs = 0;
  /** Stands between detect-changes and each connection. */
  between: (source: DirectorySource) => DirectorySource = (source) => source;
  readonly log: LogRecord[] = [];
  #requests = 0;

  constructor(controller: DomainController, population: Population, { settings = {}, mirror }: SambaPollsOptions) {
    this.controller = controller;
    this.population = population;
    this.mirror = mirror ?? memoryMirror();
    this.settings = settings;
    this.urls = [controller.ldapsUrl];
    this.ca = controller.ca;
  }

  get domain(): string {
    return this.controller.domain;
  }

  get cursor(): Cursor | undefined {
    return this.mirror.cursorOf(this.domain);
  }

  dependencies(): DetectChangesDependencies {
    const settings = captureSettings(this.settings);
    const write =
      (level: LogRecord['level']) =>
      (code: string, fields: Record<string, unknown> = {}): void =>
        void this.log.push({ level, code, fields });
    return {
      domain: this.domain,
      settings,
      mirror: this.mirror,
      connect: async (except) =>
        this.between(
          await connectLdapSource({
            urls: this.urls.filter((url) => !except.has(url)),
            ca: this.ca,
            namingContext: this.controller.baseDn,
            credentials: { username: this.population.bindDn, password: this.population.bindPassword },
            attributes: extraAttributes(settings),
            objectSecurity: settings.mode === 'object-security',
          }),
        ),
      log: { info: write('info'), warn: write('warn'), error: write('error') },
      now: () => new Date(Date.now() + this.aheadMs),
    };
  }

  poll({ approve, remainingMs = () => 300_000, ...change }: PollChange = {}): Promise<PollResult> {
    this.#requests += 1;
    const invocation = { requestId: `${this.domain}-${this.#requests}`, remainingMs, ...(approve === undefined ? {} : { approve }) };
    return detectChanges({ ...this.dependencies(), ...change }, invocation);
  }

  /** How many changes the mirror has seen: for `eventsSince`. */
  mark(): number {
    return this.mirror.changes.length;
  }

  /** What publish-changes raises of this domain from the table's stream, in its order. */
  eventsSince(mark: number): AnyIdentityEvent[] {
    const changes = this.mirror.changes.slice(mark).filter(({ after }) => after.domain === this.domain);
    return changes.flatMap(({ before, after }) => identityEvents(before, after));
  }

  /** The events of one poll after some work in the directory. */
  async eventsOf(work: () => Promise<unknown>, change: PollChange = {}): Promise<AnyIdentityEvent[]> {
    await work();
    const mark = this.mark();
    await this.poll(change);
    return this.eventsSince(mark);
  }

  /** The codes that some work logs, of warnings and errors alone. */
  async troubleOf(work: () => Promise<unknown>): Promise<LogRecord[]> {
    const before = this.log.length;
    await work();
    return this.log.slice(before).filter(({ level }) => level !== 'info');
  }

  /** The mirror's row of an object, a deleted one too. @throws Error when there is none of that name, or several */
  row(samAccountName: string): ObjectRow {
    const rows = this.mirror.all().filter(isObjectRow);
    const found = rows.filter((row) => row.domain === this.domain && firstValue(row, 'sAMAccountName') === samAccountName);
    const [row] = found;
    if (row === undefined || found.length > 1) throw new Error(`${found.length} rows of ${samAccountName} in the mirror of ${this.domain}`);
    return row;
  }

  /** Names of the groups that the mirror says an account is in. */
  groupsOf(samAccountName: string): string[] {
    const { pk } = this.row(samAccountName);
    const edges = this.mirror.all().filter((row) => row.pk === pk);
    return edges.flatMap((row) => (isEdgeRow(row) && row.present ? [row.group.name] : [])).sort();
  }

  async stop(): Promise<void> {
    await this.population.admin.unbind();
    await this.controller.stop();
  }
}

/** What was told is what EventBridge carries and every consumer parses. */
export function expectParsed(events: readonly AnyIdentityEvent[]): void {
  for (const event of events) {
    const { Source, DetailType, Detail } = toEntry(event);
    expect(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) }).id).toBe(event.id);
  }
}

/** `UserMoved Ada`, in the order of the events. */
export const lines = (events: readonly AnyIdentityEvent[]): string[] => events.map(({ type, subject }) => `${type} ${subject.name}`);

/** The events of one type. */
export const ofType = <T extends IdentityEventType>(events: readonly AnyIdentityEvent[], type: T): EventOf<T>[] =>
  events.filter((event): event is EventOf<T> => event.type === type);

/** A source each of whose calls is told before it is made; what `onCall` throws is how the call fails. */
export const watched = (source: DirectorySource, onCall: (name: keyof DirectorySource) => unknown): DirectorySource =>
  new Proxy(source, {
    get(target, name: keyof DirectorySource) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      if (name === 'below')
        return async function* (guid: string) {
          onCall(name);
          yield* target.below(guid);
        };
      return async (...parameters: unknown[]) => {
        onCall(name);
        return Reflect.apply(value, target, parameters);
      };
    },
  });

/** A source some of whose answers are others. */
export const answering = (source: DirectorySource, others: Partial<DirectorySource>): DirectorySource =>
  new Proxy(source, {
    get(target, name: keyof DirectorySource) {
      const value = others[name] ?? target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
