/** The kind of target `identity-center`. */
import { ConfigurationError } from '../../../platform/errors.ts';
import type { Target } from '../../target.ts';
import type { TargetKind, TargetSurroundings } from '../kind.ts';
import type { AssumeRoleSettings, TargetOpener } from './assume-role.ts';
import { identityCenterAttributes } from './attributes.ts';
import { identityCenterPermissions } from './permissions.ts';
import type { SessionLedger } from './session-ledger.ts';
import { accountAccess, type IdentityCenterSettings, identityCenterSettings } from './settings.ts';

export type IdentityCenterSurroundings = TargetSurroundings & {
  /** Where roles bring access to AWS accounts, whose sessions are cut is kept in the roles table. */
  readonly sessionLedger?: SessionLedger | undefined;
  /** Where IAM Identity Center is in another account, its role is told who comes. */
  readonly opener?: TargetOpener | undefined;
};

export const identityCenter = {
  settings: identityCenterSettings,
  secret: () => false,
  attributes: identityCenterAttributes,
  assignable(settings) {
    const access = accountAccess(settings);
    return access && { accounts: access.accounts, permissionSets: Object.keys(access.permissionSets) };
  },
  permissions: identityCenterPermissions,
  async open(settings, { name, budget, now, sessionLedger, opener }: IdentityCenterSurroundings): Promise<Target> {
    // Imported only here: synth reads settings and permissions, and loads no SDK.
    const [{ IdentitystoreClient }, { SSOAdminClient }, { identityCenterTarget }, { retries }] = await Promise.all([
      import('@aws-sdk/client-identitystore'),
      import('@aws-sdk/client-sso-admin'),
      import('./identity-center.ts'),
      import('./store.ts'),
    ]);
    const credentials = settings.assumeRole && (await credentialsOf(settings.assumeRole, name, opener, now));
    const options = {
      ...retries,
      ...(settings.region === undefined ? {} : { region: settings.region }),
      ...(credentials === undefined ? {} : { credentials }),
    };
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

/** @throws ConfigurationError for a target that nobody says who opens */
async function credentialsOf(role: AssumeRoleSettings, target: string, opener: TargetOpener | undefined, now: () => Date) {
  if (opener === undefined)
    throw new ConfigurationError(`target "${target}" is in another account: open it with the environment and the function that do so`);
  const [{ STSClient }, { assumedRole }] = await Promise.all([import('@aws-sdk/client-sts'), import('./assumed-role.ts')]);
  // The endpoint of the function's own region, wherever IAM Identity Center is.
  return assumedRole(new STSClient({}), { ...role, target, opener }, now);
}
