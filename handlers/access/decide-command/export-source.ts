/** Exported tables and the access configuration beside them. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as v from 'valibot';
import { isEdgeRow, isObjectRow, type MirrorRow } from '../../directory/mirror.ts';
import { watchedDomains } from '../../directory/principals.ts';
import { fromItem } from '../../platform/dynamodb.ts';
import { parseAccessConfiguration } from '../access-configuration.ts';
import type { PrincipalGrants } from '../grants.ts';
import { ExplanationError } from './explanation-error.ts';
import type { ExplanationSource } from './explanation-source.ts';
import type { SourceOptions } from './options.ts';
import { rowReader } from './row-reader.ts';

/** @throws ExplanationError naming the file that cannot be read, and why */
export function exportSource(files: Extract<SourceOptions, { readonly mirror: string }>): ExplanationSource {
  const rows = itemsOf(files.mirror) as unknown as MirrorRow[];
  const reader = rowReader(rows.filter((row) => isObjectRow(row) || isEdgeRow(row)));
  if (reader.objects.length === 0) throw new ExplanationError(`${files.mirror} holds no object of a directory: export the directory table`);
  const domains = [...new Set(reader.objects.map(({ domain }) => domain))];
  const grants = files.grants === undefined ? undefined : (itemsOf(files.grants) as unknown as (PrincipalGrants & { sk?: string })[]);
  return {
    mirror: watchedDomains(reader, domains),
    objects: async () => reader.objects,
    access: async () => {
      const configuration = parseAccessConfiguration(jsonOf(files.configuration));
      const folder = files.policies ?? dirname(files.configuration);
      return { configuration, policies: configuration.policies.map(({ name, key }) => ({ name, text: policyText(folder, name, key) })) };
    },
    grants: grants && (async (pk) => grants.find((item) => item.pk === pk && (item.sk ?? 'grants') === 'grants')),
  };
}

/** Attribute values as DynamoDB's own JSON has them, which is all that unmarshalling needs to know. */
const scanSchema = v.object({ Items: v.array(v.looseObject({ pk: v.object({ S: v.string() }), sk: v.object({ S: v.string() }) })) });

function itemsOf(file: string): Record<string, unknown>[] {
  const parsed = v.safeParse(scanSchema, jsonOf(file));
  if (!parsed.success) throw new ExplanationError(`${file} is no export of the table: write it with "aws dynamodb scan --output json"`);
  try {
    return parsed.output.Items.map((item) => fromItem(item as Parameters<typeof fromItem>[0]));
  } catch (cause) {
    throw new ExplanationError(`${file} holds an item that is none of DynamoDB's: ${(cause as Error).message}`, { cause });
  }
}

/** By the name of the file at S3, or else by its own. */
function policyText(folder: string, name: string, key: string): string {
  const paths = [join(folder, basename(key)), join(folder, basename(name))];
  for (const path of paths) {
    const text = textOf(path);
    if (text !== undefined) return text;
  }
  throw new ExplanationError(`no policy ${name} at ${paths.join(' or ')}: copy it there from S3 (${key}), or give --policies`);
}

function jsonOf(file: string): unknown {
  const text = textOf(file);
  if (text === undefined) throw new ExplanationError(`there is no file ${file}: give the path of one`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ExplanationError(`${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new ExplanationError(`${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
}
