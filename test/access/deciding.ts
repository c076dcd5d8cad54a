/** decide-access over a mirror, with its other ports in memory: it handles events, and what it sends to itself, to the end. */
import { type DecideAccessDependencies, decideAccess, type LookAt } from '../../handlers/access/decide-access/decide-access.ts';
import { principalKey } from '../../handlers/access/grants.ts';
import { type AnyIdentityEvent, toEntry } from '../../handlers/events/identity-event.ts';
import type { MemoryMirror } from '../directory/memory-mirror.ts';
import { mappings } from './decisions.ts';
import { memoryGrants } from './memory-grants.ts';

export class Deciding {
  readonly grants = memoryGrants();
  readonly #fanned: LookAt[] = [];
  readonly #deps: DecideAccessDependencies;

  constructor(mirror: MemoryMirror) {
    const log = () => undefined;
    this.#deps = {
      mirror,
      grants: this.grants,
      mappings: async () => mappings,
      fanOut: async (messages) => void this.#fanned.push(...messages),
      syncRoles: async () => undefined,
      exclusive: (_, work) => work(),
      publish: async () => undefined,
      log: { info: log, warn: log, error: log },
      now: () => new Date('2025-03-01T10:00:01Z'),
    };
  }

  async handle(events: readonly AnyIdentityEvent[]): Promise<void> {
    for (const event of events) await decideAccess(this.#deps, delivered(event));
    for (const message of this.#fanned.splice(0)) await decideAccess(this.#deps, JSON.stringify(message));
  }

  /** The roles that a principal holds, in order. */
  held(domain: string, { guid }: { readonly guid: string }): string[] {
    const grants = Object.values(this.grants.items.get(principalKey(domain, guid))?.grants ?? {});
    return grants.map(({ role }) => role).sort();
  }
}

function delivered(event: AnyIdentityEvent): string {
  const { Source, DetailType, Detail } = toEntry(event);
  return JSON.stringify({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
}
