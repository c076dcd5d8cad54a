/** Reading the stack's targets as their operators do: the same questions to each. */
import { identityStoreOf } from './identity-store.ts';
import { targetsOf } from './role-targets.ts';
import type { Sandbox } from './sandbox.ts';

export interface TargetView {
  readonly name: string;
  /** Whether the account of somebody who is deleted goes too. */
  readonly deletes: boolean;
  /** The account that carries the mark of this principal, whatever it holds. */
  accountOf(guid: string): Promise<ViewedAccount | undefined>;
  /** Requests so far that asked for a change. */
  mutations(): number;
}

export interface ViewedAccount {
  readonly id: string;
  readonly userName: string;
  /** Undefined where an account cannot be inactive. */
  readonly active: boolean | undefined;
  /** Names of the groups that it is in, sorted. */
  readonly roles: readonly string[];
}

type Viewed = Pick<Sandbox, 'endpoint' | 'stack' | 'scim'>;

export function targetViews(sandbox: Viewed): readonly TargetView[] {
  return targetsOf(sandbox.stack).map(({ name, kind, onDeleted = 'delete' }) => ({
    name,
    deletes: onDeleted === 'delete',
    ...(kind === 'scim' ? scimView(sandbox) : identityCenterView(sandbox)),
  }));
}

type KindView = Pick<TargetView, 'accountOf' | 'mutations'>;

function identityCenterView({ endpoint }: Viewed): KindView {
  const store = identityStoreOf({ endpoint });
  return {
    async accountOf(guid) {
      const user = await store.userOf(guid);
      return user && { id: user.UserId, userName: user.UserName, active: undefined, roles: await store.rolesOf(user.UserId) };
    },
    mutations: () =>
      endpoint.calls.filter(
        ({ caller, service, operation }) =>
          caller !== 'operator' && service === 'identitystore' && /^(?:Create|Update|Delete)/.test(operation),
      ).length,
  };
}

function scimView({ scim }: Viewed): KindView {
  if (scim === undefined) throw new Error('the stack has a SCIM target, and no SCIM server runs');
  return {
    async accountOf(guid) {
      const user = [...scim.users.values()].find(({ externalId }) => String(externalId).endsWith(`/${guid}`));
      if (user === undefined) return undefined;
      const groups = [...scim.groups.values()].filter(({ members }) =>
        ((members ?? []) as readonly { readonly value: string }[]).some(({ value }) => value === user.id),
      );
      const roles = groups.map(({ displayName }) => String(displayName)).sort();
      return { id: user.id, userName: String(user.userName), active: user.active !== false, roles };
    },
    mutations: () => scim.requests.filter(({ method }) => method !== 'GET').length,
  };
}
