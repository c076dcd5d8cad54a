/** A function that ends at any call of its own: killed by Lambda, or cut off from its domain controller. */
import { type DirectorySource, DirectoryUnreachableError } from '../../handlers/directory/directory-source.ts';
import { isEdgeRow, isObjectRow, type Mirror, type MirrorRow } from '../../handlers/directory/mirror.ts';

export const effects = ['none', 'objects', 'edges', 'every second row', 'whole'] as const;
type Effect = (typeof effects)[number];

export interface Failure {
  /** `killed`: nothing that the function does afterwards has an effect. `cut-off`: the connection to the domain controller is gone. */
  readonly kind: 'killed' | 'cut-off';
  /** Which of its calls it is, from 0: of all of them, or of those to the domain controller. */
  readonly call: number;
  /** The method whose calls count; of writes, those with rows that the effect names. @default every one */
  readonly of?: keyof Mirror | keyof DirectorySource;
  /** Whether that call still took effect; of a write of many rows (DynamoDB takes them one by one), some of them may have. */
  readonly effect: Effect;
}

export class FunctionKilledError extends Error {
  override readonly name = 'FunctionKilledError';
}

/** The calls of one invocation, which fail as said. */
export class FailingCalls {
  /** Whether the failure has come: a poll may end before it. */
  failed = false;
  readonly #failure: Failure | undefined;
  #calls = 0;

  constructor(failure: Failure | undefined) {
    this.#failure = failure;
  }

  mirror(mirror: Mirror): Mirror {
    return this.#failure?.kind === 'killed' ? this.#through(mirror, (rows) => mirror.write(rows)) : mirror;
  }

  source(source: DirectorySource): DirectorySource {
    return this.#failure === undefined ? source : this.#through(source);
  }

  #through<T extends Mirror | DirectorySource>(target: T, write: (rows: readonly MirrorRow[]) => Promise<void> = async () => {}): T {
    return new Proxy(target, {
      get: (_, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        const call = (...args: unknown[]): unknown => member.apply(target, args);
        // The test's own connection is closed in any case.
        if (name === 'close') return call;
        if (name === 'below') return (guid: string) => this.#batches(call(guid) as AsyncIterable<unknown>);
        return async (...args: unknown[]) => {
          const rows = name === 'write' ? this.#takenRows(args[0] as readonly MirrorRow[]) : undefined;
          // A write without such rows is none of those that a failure counts.
          if (rows?.length === 0 && this.#failure?.of === 'write') return await this.#unlessFailed(async () => call(...args));
          return await this.#call(
            name,
            async () => call(...args),
            () => write(rows ?? []),
          );
        };
      },
    });
  }

  async *#batches(batches: AsyncIterable<unknown>): AsyncGenerator<unknown> {
    for await (const batch of batches) yield await this.#call('below', async () => batch);
  }

  async #call<T>(name: PropertyKey, work: () => Promise<T>, some = async (): Promise<void> => {}): Promise<T> {
    const failure = this.#failure;
    const counts = failure !== undefined && (failure.of ?? name) === name;
    if (this.failed || !counts || this.#calls++ !== failure.call) return await this.#unlessFailed(work);
    this.failed = true;
    if (failure.effect === 'whole') await work();
    else if (failure.effect !== 'none') await some();
    throw this.#error();
  }

  async #unlessFailed<T>(work: () => Promise<T>): Promise<T> {
    if (this.failed) throw this.#error();
    return await work();
  }

  /** Of a write that fails, the rows that it has taken; of one that is to take all or none, all. */
  #takenRows(rows: readonly MirrorRow[]): readonly MirrorRow[] {
    const effect = this.#failure?.effect;
    if (effect === 'objects') return rows.filter(isObjectRow);
    if (effect === 'edges') return rows.filter(isEdgeRow);
    return effect === 'every second row' ? rows.filter((_, index) => index % 2 === 0) : rows;
  }

  #error(): Error {
    return this.#failure?.kind === 'cut-off' ? new DirectoryUnreachableError('the connection was cut') : new FunctionKilledError('killed');
  }
}
