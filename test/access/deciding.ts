/** decide-access over a mirror, with its other ports in memory: it handles events, and what it sends to itself, to the end. */
import { parseAccessConfiguration } from '../../handlers/access/access-configuration.ts';
import { type ConfigurationPart, type KnownConfiguration, keyOf, partsOf } from '../../handlers/access/configuration-changes.ts';
import { prepareAccess } from '../../handlers/access/decide.ts';
import { type DecideAccessDependencies, decideAccess } from '../../handlers/access/decide-access/decide-access.ts';
import type { LoadedAccess } from '../../handlers/access/decide-access/loaded-access.ts';
import type { OwnMessage } from '../../handlers/access/decision-message.ts';
import { principalKey } from '../../handlers/access/grants.ts';
import { createAuthorizer } from '../../handlers/access/policies/authorizer.ts';
import type { RevalidationState, Revalidations } from '../../handlers/access/revalidation.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import type { PrincipalMessage } from '../../handlers/access/role-message.ts';
import { type AnyIdentityEvent, toEntry } from '../../handlers/events/identity-event.ts';
import type { MemoryMirror } from '../directory/memory-mirror.ts';
import { memoryGrants } from './memory-grants.ts';

/** Which group gives which role, unless a test says otherwise. */
export const roleMappings: readonly RoleMapping[] = [
  { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' },
  { id: 'teams', group: { pattern: '^AWS-Team-(?<team>[a-z]+)$' }, role: 'team-$<team>' },
  { id: 'everybody', group: { pattern: '^AWS-.+$' }, role: 'everybody' },
];

export interface AccessOptions {
  readonly mappings?: readonly RoleMapping[];
  /** Names of targets. @default identity-center */
  readonly targets?: readonly string[];
  /** A text of Cedar. @default everything is permitted */
  readonly policies?: string;
  readonly onViolation?: 'revoke' | 'report';
  readonly digest?: string;
}

/** A configuration and its policies, as decide-access loads them. */
export function accessOf(options: AccessOptions = {}): LoadedAccess {
  const { mappings = roleMappings, targets = ['identity-center'], policies = 'permit (principal, action, resource);' } = options;
  const configuration = parseAccessConfiguration({
    mappings: mappings.map((mapping) => ({ ...mapping, targets: mapping.targets ?? targets })),
    targets: Object.fromEntries(targets.map((name) => [name, { attributes: {} }])),
    policies: [{ name: 'test.cedar', key: 'test.cedar' }],
    policyAttributes: [],
    onViolation: options.onViolation ?? 'revoke',
  });
  const source = { configuration, policies: [{ name: 'test.cedar', text: policies }], digest: options.digest ?? 'access/1.json' };
  const authorizer = createAuthorizer({ policies: source.policies, attributes: [] });
  return { access: prepareAccess(configuration, authorizer), digest: source.digest, parts: partsOf(source) };
}

export interface MemoryRevalidations extends Revalidations {
  state: RevalidationState | undefined;
  reads: number;
}

export function memoryRevalidations(): MemoryRevalidations {
  return {
    state: undefined,
    reads: 0,
    async read() {
      this.reads += 1;
      return this.state;
    },
    async write(state) {
      this.state = state;
    },
  };
}

export function memoryKnownConfiguration(): KnownConfiguration {
  const parts = new Map<string, ConfigurationPart>();
  return {
    read: async () => [...parts.values()],
    write: async (part) => void parts.set(keyOf(part), part),
  };
}

/** An event as it reaches the queue. */
export function delivered(event: AnyIdentityEvent): string {
  const { Source, DetailType, Detail } = toEntry(event);
  return JSON.stringify({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
}

export interface SentMessage extends PrincipalMessage {
  readonly target: string;
}

export class Deciding {
  readonly grants = memoryGrants();
  readonly revalidations = memoryRevalidations();
  readonly knownConfiguration = memoryKnownConfiguration();
  /** What it told the bus, the targets and its own queue, and what it logged. */
  readonly published: AnyIdentityEvent[] = [];
  readonly sent: SentMessage[] = [];
  readonly fanned: OwnMessage[] = [];
  readonly logged: [code: string, fields: Record<string, unknown>][] = [];
  /** Its ports: a test may put others in their place. */
  deps: DecideAccessDependencies;

  /** @param domains those that are watched. @default all that the tests know */
  constructor(mirror: MemoryMirror, domains = ['corp.example.com', 'sales.corp.example.com', 'partner.example.com']) {
    const log = (code: string, fields: Record<string, unknown> = {}) => void this.logged.push([code, fields]);
    const loaded = accessOf();
    this.deps = {
      mirror,
      domains,
      isCompletelyRead: async () => true,
      grants: this.grants,
      revalidations: this.revalidations,
      knownConfiguration: this.knownConfiguration,
      access: async () => loaded,
      fanOut: async (messages) => void this.fanned.push(...messages),
      targets: new Set(['identity-center', 'scim']),
      syncRoles: async (target, message) => void this.sent.push({ ...message, target }),
      // A rival run may come in the middle of another here: nothing holds it back.
      exclusive: (_, work) => work(),
      publish: async (events) => void this.published.push(...events),
      log: { info: log, warn: log, error: log },
      now: () => new Date('2025-03-01T10:00:01Z'),
    };
  }

  codes(): string[] {
    return this.logged.map(([code]) => code);
  }

  /** Handles a message. */
  decide(message: string | object, change: Partial<DecideAccessDependencies> = {}): Promise<void> {
    return decideAccess({ ...this.deps, ...change }, typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Handles what it sent to itself, to the end. */
  async settle(change: Partial<DecideAccessDependencies> = {}): Promise<void> {
    for (let message = this.fanned.shift(); message !== undefined; message = this.fanned.shift()) await this.decide(message, change);
  }

  async handle(events: readonly AnyIdentityEvent[]): Promise<void> {
    for (const event of events) await this.decide(delivered(event));
    await this.settle();
  }

  /** Users that its messages to itself name, of those alone that look at users. */
  lookedAt(): string[] {
    return this.fanned.flatMap((message) => ('lookAt' in message ? message.lookAt.guids : []));
  }

  /** The roles that a principal holds, in order. */
  held(domain: string, { guid }: { readonly guid: string }): string[] {
    const grants = Object.values(this.grants.items.get(principalKey(domain, guid))?.grants ?? {});
    return grants.map(({ role }) => role).sort();
  }
}
