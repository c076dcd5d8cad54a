/** The kind of target `identity-center`. */
import { ConfigurationError } from '../../../platform/errors.ts';
import type { Target } from '../../target.ts';
import type { TargetKind, TargetSurroundings } from '../kind.ts';
import { identityCenterAttributes } from './attributes.ts';
import { identityCenterPermissions } from './permissions.ts';
import type { SessionLedger } from './session-ledger.ts';
import { accountAccess, type IdentityCenterSettings, identityCenterSettings } from './settings.ts';

/** Where roles bring access to AWS accounts, whose sessions are cut is kept in the roles table. */
export type IdentityCenterSurroundings = TargetSurroundings & { readonly sessionLedger?: SessionLedger | undefined };

export const identityCenter = {
  settings: identityCenterSettings,
  secret: () => false,
  attributes: identityCenterAttributes,
  assignable(settings) {
    const access = accountAccess(settings);
    return access && { accounts: access.accounts, permissionSets: Object.keys(access.permissionSets) };
  },
  permissions: identityCenterPermissions,
  async open(settings, { name, budget, now, sessionLedger }: IdentityCenterSurroundings): Promise<Target> {
    // Imported only here: synth reads settings and permissions, and loads no SDK.
    const [{ IdentitystoreClient }, { SSOAdminClient }, { identityCenterTarget }, { retries }] = await Promise.all([
      import('@aws-sdk/client-identitystore'),
      import('@aws-sdk/client-sso-admin'),
      import('./identity-center.ts'),
      import('./store.ts'),
    ]);
    const options = { ...retries, ...(settings.region === undefined ? {} : { region: settings.region }) };
    const access = accountAccess(settings);
    if (access !== undefined && sessionLedger === undefined)
      throw new ConfigurationError(`target "${name}" brings access to AWS accounts: open it with a ledger of cut sessions`);
    return identityCenterTarget({
      name,
      store: new IdentitystoreClient(options),
      identityStoreId: settings.identityStoreId,
      budget,
      ...(access && sessionLedger
        ? { singleSignOn: { client: new SSOAdminClient(options), access, sessionLedger, sessionHours: settings.sessionHours, now } }
        : {}),
    });
  },
} satisfies TargetKind<IdentityCenterSettings>;
