/** What a rotation of one credential is done with. */
import type { Publish } from '../platform/event-bus.ts';
import type { Log } from '../platform/log.ts';
import type { AccountDirectory } from './account-directory.ts';
import type { CredentialSettings } from './credential-settings.ts';
import type { CredentialStore, StoredCredential } from './credential-store.ts';
import type { RotationLedger } from './rotation-ledger.ts';

export interface RotationDependencies {
  readonly settings: CredentialSettings;
  readonly store: CredentialStore;
  /** What the delegated account may log on with, where the strategy has one. @throws CredentialError when its secret has no credential */
  readonly resetBy: () => Promise<readonly StoredCredential[]>;
  readonly directory: AccountDirectory;
  readonly ledger: Pick<RotationLedger, 'read' | 'write'>;
  readonly publish: Publish;
  readonly log: Log;
  readonly now: () => Date;
  readonly wait: (milliseconds: number) => Promise<void>;
}
