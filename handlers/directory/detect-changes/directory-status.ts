/** The directory's own row in the mirror: reachable or not, the first snapshot, the guard. Each word of it becomes an event once. */
import { type GuardState, isStatusRow, type Mirror, type SnapshotCounts, type StatusRow, statusKey } from '../mirror.ts';

/** Characters of a reason. */
const mostReason = 4_000;

export class DirectoryStatus {
  readonly #mirror: Mirror;
  readonly #domain: string;
  readonly #fence: number;
  readonly #now: () => Date;

  constructor(mirror: Mirror, domain: string, fence: number, now: () => Date) {
    this.#mirror = mirror;
    this.#domain = domain;
    this.#fence = fence;
    this.#now = now;
  }

  async snapshotWasTold(): Promise<boolean> {
    return (await this.#read())?.snapshotCompleted !== undefined;
  }

  async snapshotCompleted(counts: SnapshotCounts): Promise<void> {
    await this.#change((before) => ({
      reachable: true,
      since: before?.since ?? this.#time(),
      reason: undefined,
      snapshotCompleted: counts,
    }));
  }

  /** @param since when it became unreachable; undefined when it was not, which costs no read */
  async reachable(since: string | undefined): Promise<void> {
    if (since !== undefined)
      await this.#change((before) => (before?.reachable === false ? { reachable: true, since, reason: undefined } : undefined));
  }

  async unreachable(since: string, reason: string): Promise<void> {
    // A server's own words are in it: an event ends at 256 KB, and one that does not fit would hold back all behind it in the stream.
    const words = reason.slice(0, mostReason) || undefined;
    await this.#change((before) => (before === undefined || before.reachable ? { reachable: false, since, reason: words } : undefined));
  }

  async guardTripped(guard: Omit<GuardState, 'state'>): Promise<void> {
    await this.#change(() => ({ guard: { ...guard, state: 'tripped' } }));
  }

  async guardEnded(approval: string, state: 'approved' | 'expired'): Promise<void> {
    await this.#change((before) =>
      before?.guard?.approval === approval && before.guard.state === 'tripped' ? { guard: { ...before.guard, state } } : undefined,
    );
  }

  async #change(change: (before: StatusRow | undefined) => Partial<StatusRow> | undefined): Promise<void> {
    const before = await this.#read();
    const changed = change(before);
    if (changed === undefined) return;
    await this.#mirror.write([
      {
        reachable: true,
        since: this.#time(),
        ...before,
        ...changed,
        ...statusKey(this.#domain),
        domain: this.#domain,
        revision: (before?.revision ?? 0) + 1,
        fence: this.#fence,
        detectedAt: this.#time(),
      },
    ]);
  }

  async #read(): Promise<StatusRow | undefined> {
    return (await this.#mirror.read([statusKey(this.#domain)])).find(isStatusRow);
  }

  #time(): string {
    return this.#now().toISOString();
  }
}
