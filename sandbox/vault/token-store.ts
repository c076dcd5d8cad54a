/** Tokens and what their policies allow ("Policies" and "Tokens" of Vault's documentation). */
import { randomBytes } from 'node:crypto';
import { permissionDenied } from './vault-error.ts';

export type Capability = 'create' | 'read' | 'update' | 'delete' | 'list' | 'deny';
/** Capabilities by path; a path may end in `*`, and a segment may be `+`. */
export type Policy = Readonly<Record<string, readonly string[]>>;

interface Token {
  readonly policies: readonly string[];
  /** Epoch milliseconds. */
  readonly expiresAt: number;
}

export interface Lease {
  readonly policies: readonly string[];
  readonly seconds: number;
}

/** Every token may do this with itself (the policy named default). */
const ownPaths: readonly string[] = ['auth/token/revoke-self'];

export class TokenStore {
  readonly root = `hvs.root-${randomBytes(18).toString('base64url')}`;
  /** By name; a test may change them. */
  readonly policies: Map<string, Policy>;
  readonly #tokens = new Map<string, Token>();
  readonly #now: () => Date;

  constructor(policies: Readonly<Record<string, Policy>>, now: () => Date) {
    this.policies = new Map(Object.entries(policies));
    this.#now = now;
  }

  /** The `auth` member of a login's answer. */
  issue({ policies, seconds }: Lease): Readonly<Record<string, unknown>> {
    const token = `hvs.${randomBytes(68).toString('base64url')}`;
    this.#tokens.set(token, { policies, expiresAt: this.#now().getTime() + seconds * 1000 });
    return {
      client_token: token,
      accessor: randomBytes(12).toString('base64url'),
      policies: ['default', ...policies],
      token_policies: ['default', ...policies],
      metadata: null,
      lease_duration: seconds,
      renewable: true,
      token_type: 'service',
      orphan: true,
    };
  }

  /** Tokens that are good now. */
  get live(): readonly string[] {
    return [...this.#tokens].filter(([, { expiresAt }]) => expiresAt > this.#now().getTime()).map(([token]) => token);
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
  }

  revokeAll(): void {
    this.#tokens.clear();
  }

  /** @throws VaultError 403, the same for a token that is none as for one without the right */
  check(token: string | undefined, capability: Capability, path: string): void {
    if (token === this.root) return;
    const known = token === undefined ? undefined : this.#tokens.get(token);
    if (known === undefined || known.expiresAt <= this.#now().getTime()) throw permissionDenied();
    if (ownPaths.includes(path)) return;
    const found = known.policies.flatMap((name) => bestMatch(this.policies.get(name) ?? {}, path));
    if (found.includes('deny') || !found.includes(capability)) throw permissionDenied();
  }
}

/** The most specific of a policy's paths counts ("Policies", "Priority matching"). */
function bestMatch(policy: Policy, path: string): readonly string[] {
  const matching = Object.keys(policy).filter((pattern) => matches(pattern, path));
  const [best] = matching.sort((one, other) => {
    const [mine, theirs] = [rank(one), rank(other)];
    const at = mine.findIndex((value, index) => value !== theirs[index]);
    return (theirs[at] ?? 0) - (mine[at] ?? 0);
  });
  return best === undefined ? [] : (policy[best] ?? []);
}

/** Higher is more specific: a later first wildcard, none at the end, fewer segments of `+`, a longer path. */
function rank(pattern: string): readonly number[] {
  const first = pattern.search(/[+*]/);
  const segments = pattern.split('/').filter((segment) => segment === '+').length;
  return [first < 0 ? Number.MAX_SAFE_INTEGER : first, pattern.endsWith('*') ? 0 : 1, -segments, pattern.length];
}

function matches(pattern: string, path: string): boolean {
  const expression = pattern
    .replace(/[.^$()|[\]{}\\?]/g, '\\$&')
    .replace(/(?<=^|\/)\+(?=\/|$)/g, '[^/]+')
    .replace(/\*$/, '.*');
  return new RegExp(`^${expression}$`).test(path);
}
