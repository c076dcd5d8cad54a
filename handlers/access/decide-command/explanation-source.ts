/** What an explanation reads: the records that decide-access decides by, from the tables themselves or from exported files. */
import type { ObjectRow } from '../../directory/mirror.ts';
import type { PrincipalReader } from '../../directory/principals.ts';
import type { AccessConfiguration } from '../access-configuration.ts';
import type { PrincipalGrants } from '../grants.ts';
import type { PolicyFile } from '../policies/policy-set.ts';

export interface ExplanationSource {
  /** Of the watched domains alone, as decide-access reads it. */
  readonly mirror: PrincipalReader;
  /** Rows of all objects. */
  objects(): Promise<readonly ObjectRow[]>;
  access(): Promise<{ readonly configuration: AccessConfiguration; readonly policies: readonly PolicyFile[] }>;
  /** What the grants table holds of a principal; undefined where it is not at hand. */
  readonly grants: ((pk: string) => Promise<PrincipalGrants | undefined>) | undefined;
}
