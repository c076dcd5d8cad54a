/** A token that is kept in memory until shortly before it ends, and replaced once it is refused. */

export interface IssuedToken {
  readonly token: string;
  /** Epoch milliseconds; undefined: it is good until it is refused. */
  readonly expiresAt?: number | undefined;
}

export interface KeptToken {
  /** The same until shortly before it ends; many who ask at once wait for one answer. @throws what obtaining it throws; a failure is not kept */
  token(): Promise<string>;
  /** Another one than that, which was refused. */
  renew(refused: string): Promise<string>;
  /** The one in use, if any; it is not used any more. */
  end(): Promise<string | undefined>;
}

interface Kept {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly until: number;
}

/** A token is not used in its last seconds: it has to be valid when it arrives. */
const marginMs = 60_000;

/** @param obtain gets a token; `again`: the one before was refused, so that nothing which led to it may be kept */
export function keptToken(now: () => Date, obtain: (again: boolean) => Promise<IssuedToken>): KeptToken {
  let current: Promise<Kept> | undefined;
  const keep = async (again: boolean): Promise<Kept> => {
    const askedAt = now().getTime();
    const { token, expiresAt = Number.POSITIVE_INFINITY } = await obtain(again);
    return { token, until: expiresAt - Math.min(marginMs, (expiresAt - askedAt) / 5) };
  };
  /** Another than `old`, which somebody else may be asking for already. */
  const another = (old: Promise<Kept> | undefined, again: boolean): Promise<Kept> => {
    if (current !== undefined && current !== old) return current;
    const kept = keep(again);
    current = kept;
    kept.catch(() => {
      if (current === kept) current = undefined;
    });
    return kept;
  };
  return {
    async token() {
      const kept = current;
      const known = await kept;
      return known !== undefined && now().getTime() < known.until ? known.token : (await another(kept, false)).token;
    },
    async renew(refused) {
      const kept = current;
      const known = await kept;
      return known !== undefined && known.token !== refused ? known.token : (await another(kept, true)).token;
    },
    async end() {
      const known = await current?.catch(() => undefined);
      current = undefined;
      return known?.token;
    },
  };
}
