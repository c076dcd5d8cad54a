/** Connecting while the connector's own password is rotated: no poll is missed between its change and the moment that the secret tells. */
import type { BindSecret } from '../platform/secret.ts';
import { BindRefusedError } from './directory-source.ts';

export interface BindSecrets {
  readonly current: () => Promise<BindSecret>;
  /** What a rotation is about to make current; undefined: none is under way. */
  readonly pending: () => Promise<BindSecret | undefined>;
}

/**
 * Connects with the current secret, and where that is refused once with another one: what is pending, or what has become current since.
 *
 * @throws what `connect` throws; of two refusals the first
 */
export async function connectThroughRotation<T>({ current, pending }: BindSecrets, connect: (as: BindSecret) => Promise<T>): Promise<T> {
  const first = await current();
  try {
    return await connect(first);
  } catch (refusal) {
    if (!(refusal instanceof BindRefusedError)) throw refusal;
    const other = [await pending(), await current()].find((one) => one !== undefined && one.password !== first.password);
    if (other === undefined) throw refusal;
    try {
      return await connect(other);
    } catch (error) {
      throw error instanceof BindRefusedError ? refusal : error;
    }
  }
}
