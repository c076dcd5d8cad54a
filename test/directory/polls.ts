/** Polls of detect-changes over a mirror in memory and a directory that answers each cookie with its page. */
import { type DetectChangesDependencies, detectChanges, type Invocation } from '../../handlers/directory/detect-changes/detect-changes.ts';
import type { ChangedObject, ChangePage, DirectorySource } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { type MemoryMirror, memoryMirror } from './memory-mirror.ts';
import { domain, groupObject, userObject } from './rows.ts';

export const ada = userObject(1, 'Ada');
export const bea = userObject(2, 'Bea');
export const staff = groupObject(10, 'Staff', [ada, bea]);

export const page = (objects: readonly ChangedObject[], cookie: string, moreResults = false): ChangePage => ({
  objects,
  cookie: Buffer.from(cookie),
  moreResults,
});

export class Polls {
  /** Epoch ms of the clock that mirror and polls share. */
  time = Date.parse('2025-03-01T10:00:00Z');
  readonly now = () => new Date(this.time);
  mirror: MemoryMirror = memoryMirror(this.now);
  /** The answer to each cookie; no answer means that nothing changed. */
  readonly directory = new Map<string, ChangePage | Error>();
  /** Cookies in the order they were asked with. */
  readonly asked: string[] = [];
  /** Codes of the log. */
  readonly codes: string[] = [];
  private requests = 0;

  readonly source: DirectorySource = {
    url: 'ldaps://dc1.corp.example.com',
    changesSince: async (cookie) => {
      this.asked.push(cookie.toString());
      const answer = this.directory.get(cookie.toString()) ?? page([], cookie.toString());
      if (answer instanceof Error) throw answer;
      return answer;
    },
    close: async () => {},
  };

  deps(change: Partial<DetectChangesDependencies> = {}): DetectChangesDependencies {
    const write = (code: string) => void this.codes.push(code);
    const log = { info: write, warn: write, error: write };
    return { domain, mirror: this.mirror, connect: async () => this.source, log, now: this.now, ...change };
  }

  invocation(remainingMs: () => number = () => 300_000): Invocation {
    this.requests += 1;
    return { requestId: `request-${this.requests}`, remainingMs };
  }

  readonly poll = (change: Partial<DetectChangesDependencies> = {}) => detectChanges(this.deps(change), this.invocation());

  /** What publish-changes would raise from the table's stream. */
  events(): AnyIdentityEvent[] {
    return this.mirror.changes.flatMap(({ before, after }) => identityEvents(before, after));
  }

  readonly types = () => this.events().map(({ type }) => type);

  /** The types of the events that some work raises. */
  async since(work: () => Promise<unknown>): Promise<string[]> {
    const mark = this.types().length;
    await work();
    return this.types().slice(mark);
  }

  /** GIVEN a mirror that holds Ada and Bea, both members of Staff, at cookie c1. */
  async firstSync(): Promise<void> {
    this.directory.set('', page([ada, bea, staff], 'c1'));
    await this.poll();
  }
}
