/** One random walk played against change capture: what it does to the directory, when it polls, and which laws it finds broken. */
import { isDeepStrictEqual } from 'node:util';
import { CookieRefusedError, type DirectorySource } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { Consumer, viewOf } from './consumer.ts';
import { type Step, Walker, walkAttributes } from './directory-walk.ts';
import { FailingCalls, type Failure } from './killed-function.ts';
import { type MemoryMirror, memoryMirror } from './memory-mirror.ts';
import { differences, shownByDirectory, shownByMirror } from './mirror-against-directory.ts';
import { SambaPolls } from './samba-polls.ts';

/** A lease is as long as its invocation may run. */
const invocationMs = 300_000;

export class Play {
  /** Failures that came, by kind; a poll may end before its own. */
  readonly failures: Record<Failure['kind'], number> = { killed: 0, 'cut-off': 0 };
  readonly walker: Walker;
  readonly #mirror: MemoryMirror;
  readonly #polls: SambaPolls;
  readonly #consumer: Consumer;

  /** @param host a domain controller that walks share @param name names the walk: its organizational unit and the accounts in it */
  constructor({ controller, population }: Pick<SambaPolls, 'controller' | 'population'>, name: string) {
    this.#mirror = memoryMirror(() => new Date(this.#now()));
    this.#polls = new SambaPolls(controller, population, { mirror: this.#mirror, settings: { attributes: walkAttributes } });
    this.walker = new Walker(population.admin, controller.baseDn, name, () => this.#now());
    this.#consumer = new Consumer(this.#mirror);
  }

  /** Plays the steps and a last poll without a failure. @returns the laws that do not hold then, in words; nothing of the walk is left */
  async play(steps: readonly Step[]): Promise<readonly string[]> {
    try {
      await this.walker.settle();
      for (const step of steps) await this.#take(step);
      await this.#poll({ do: 'poll', failure: undefined });
      this.#consumer.deliverAll();
      return [
        ...(await this.#mirrorEqualsDirectory()),
        ...this.#eventsLeadToTheMirror(),
        ...this.#eventsAreToldApart(),
        ...this.#revisionsGrowByOne(),
      ];
    } finally {
      await this.walker.leave();
    }
  }

  async #take(step: Step): Promise<void> {
    if (step.do === 'wait') this.#polls.aheadMs += 1000 * step.seconds;
    else if (step.do === 'poll') await this.#poll(step);
    else if (step.do === 'deliver') this.#consumer.deliver(step.places, step.again);
    else await this.walker.take(step);
  }

  /** @throws what the poll throws, unless it was made to */
  async #poll({ failure, refused }: Extract<Step, { do: 'poll' }>): Promise<void> {
    const calls = new FailingCalls(failure);
    this.#polls.between = (source) => calls.source(refused ? refusing(source) : source);
    try {
      const { outcome } = await this.#polls.poll({ mirror: calls.mirror(this.#mirror), remainingMs: () => invocationMs });
      if (outcome !== 'done') throw new Error(`a poll ended as ${outcome}`);
    } catch (error) {
      if (!calls.failed) throw error;
    }
    if (calls.failed && failure !== undefined) {
      this.failures[failure.kind] += 1;
      // Nobody gave the lease of a killed function back.
      this.#polls.aheadMs += invocationMs + 1;
    }
    this.#consumer.raised();
  }

  async #mirrorEqualsDirectory(): Promise<string[]> {
    const at = Date.parse(this.#polls.cursor?.polledAt ?? '');
    const directory = await shownByDirectory(this.#polls.controller, walkAttributes, at);
    return differences(shownByMirror(this.#mirror.all()), directory);
  }

  #eventsLeadToTheMirror(): string[] {
    return this.#mirror.all().flatMap((row) => {
      const [copied, shown] = [this.#consumer.shows(row), viewOf(row)];
      return isDeepStrictEqual(copied, shown) ? [] : [`a consumer knows ${JSON.stringify(copied)} of ${JSON.stringify(row)}`];
    });
  }

  #eventsAreToldApart(): string[] {
    const ids = new Set<string>();
    return this.#mirror.changes.flatMap(({ before, after }) => {
      const events = identityEvents(before, after);
      const repeated = isDeepStrictEqual(identityEvents(before, after), events)
        ? []
        : [`events differ when told again: ${JSON.stringify(events)}`];
      const known = events.filter(({ id }) => ids.has(id)).map((event) => `an id is used twice: ${JSON.stringify(event)}`);
      for (const { id } of events) ids.add(id);
      return [...repeated, ...known];
    });
  }

  #revisionsGrowByOne(): string[] {
    const revisions = new Map<string, number>();
    return this.#mirror.changes.flatMap(({ before, after }) => {
      const key = `${after.pk} ${after.sk}`;
      const last = revisions.get(key);
      revisions.set(key, after.revision);
      return before?.revision === last && after.revision === (last ?? 0) + 1
        ? []
        : [`revision ${after.revision} follows ${last} of ${key}`];
    });
  }

  #now(): number {
    return Date.now() + this.#polls.aheadMs;
  }
}

/** A domain controller that takes no cookie but the empty one. */
function refusing(source: DirectorySource): DirectorySource {
  const changesSince = async (cookie: Buffer) => {
    if (cookie.length > 0) throw new CookieRefusedError('0000202C: the cookie is refused');
    return await source.changesSince(cookie);
  };
  return new Proxy(source, {
    get: (_, name) => {
      const member: unknown = Reflect.get(source, name);
      return name === 'changesSince' ? changesSince : typeof member === 'function' ? member.bind(source) : member;
    },
  });
}
