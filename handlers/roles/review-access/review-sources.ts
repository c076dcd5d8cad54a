/** What a review is made of: a port, and the tables and reports of the deployment. Everything is only read. */
import type { S3Client } from '@aws-sdk/client-s3';
import { parseAccessConfiguration } from '../../access/access-configuration.ts';
import { type Grants, principalKey } from '../../access/grants.ts';
import { firstValue, isObjectRow, type Mirror, objectKey } from '../../directory/mirror.ts';
import { fileTime, isoText } from '../../platform/file-time.ts';
import { readText } from '../../platform/s3-object.ts';
import type { ReadAccounts } from '../dynamodb-ledger.ts';
import type { DriftReport } from '../reconcile/drift-report.ts';

type PrincipalName = { readonly domain: string; readonly guid: string };

export interface ReviewSources {
  readonly scan: Grants['scan'];
  readonly accounts: ReadAccounts;
  /** Last log-ons by `principalKey`, ISO 8601; null: never. Principals of directories that do not mirror it are left out. */
  readonly logons: (principals: readonly PrincipalName[]) => Promise<ReadonlyMap<string, string | null>>;
  /** When mappings stop giving their roles, ISO 8601, by id; those without an end are left out. */
  readonly ends: () => Promise<ReadonlyMap<string, string>>;
  /** The newest drift report of a target; undefined before the first. */
  readonly drift: (target: string) => Promise<DriftReport | undefined>;
}

/** @param domains directories whose lastLogonTimestamp is mirrored */
export function mirroredLogons(mirror: Pick<Mirror, 'read'>, domains: ReadonlySet<string>): ReviewSources['logons'] {
  return async (principals) => {
    const rows = await mirror.read(principals.flatMap(({ domain, guid }) => (domains.has(domain) ? [objectKey(domain, guid)] : [])));
    return new Map(rows.filter(isObjectRow).map((row) => [principalKey(row.domain, row.guid), lastLogon(row)]));
  };
}

/** 0 and absent: never (MS-ADA1, "Attribute lastLogonTimestamp"). Domain controllers replicate it 9 to 14 days late, the first one at once. */
function lastLogon(row: Parameters<typeof firstValue>[0]): string | null {
  const name = Object.keys(row.attributes).find((one) => one.toLowerCase() === 'lastlogontimestamp');
  const text = name === undefined ? undefined : firstValue(row, name);
  const moment = text === '0' ? undefined : fileTime(text);
  return moment === undefined ? null : isoText(moment);
}

/** @throws ConfigurationError when the object is no configuration */
export async function mappingEnds(client: S3Client, bucket: string, key: string): Promise<ReadonlyMap<string, string>> {
  const { mappings } = parseAccessConfiguration(JSON.parse((await readText(client, bucket, key)) ?? 'null'));
  return new Map(mappings.flatMap(({ id, valid }) => (valid?.until === undefined ? [] : [[id, valid.until] as const])));
}

export const newestDrift =
  (client: S3Client, bucket: string): ReviewSources['drift'] =>
  async (target) => {
    const text = await readText(client, bucket, `reconcile/${target}/latest.json`);
    return text === undefined ? undefined : (JSON.parse(text) as DriftReport);
  };
