/** One path of a KV version 2 engine (KV secrets engine version 2 API). */
import * as v from 'valibot';
import { CredentialError } from '../credential-error.ts';
import type { ClientAnswer, VaultClient } from './vault-client.ts';
import { type JsonObject, nameOf, saidOf, type VaultRequest } from './vault-request.ts';

export interface KvState {
  /** Number of the latest version, deleted or not, from 1; 0: there has been none. */
  readonly number: number;
  /** Undefined: there is none, or the latest version is deleted. */
  readonly data: JsonObject | undefined;
}

export interface KvSecret {
  latest(): Promise<KvState>;
  /** Undefined: it is deleted, destroyed or no longer kept. */
  version(number: number): Promise<JsonObject | undefined>;
  /** Numbers of the versions that can be read, the newest first. */
  kept(): Promise<readonly number[]>;
  /** Makes the version after that one. @returns false when there is a later one already, of whomever */
  writeAfter(number: number, data: JsonObject): Promise<boolean>;
  /** Makes a version unreadable for good. */
  destroy(number: number): Promise<void>;
}

const number = v.pipe(v.number(), v.integer(), v.minValue(1));
const readSchema = v.object({
  data: v.object({ data: v.nullable(v.record(v.string(), v.unknown())), metadata: v.object({ version: number }) }),
});
const writtenSchema = v.object({ data: v.object({ version: number }) });
const metadataSchema = v.object({
  data: v.object({
    versions: v.record(v.pipe(v.string(), v.digits()), v.object({ deletion_time: v.string(), destroyed: v.boolean() })),
  }),
});

/** @param now deletion times may lie ahead (`delete_version_after`) */
export function kvSecret({ send }: Pick<VaultClient, 'send'>, mount: string, path: string, now: () => Date): KvSecret {
  async function read(query?: { readonly version: string }): Promise<KvState> {
    const request: VaultRequest = { method: 'GET', path: `${mount}/data/${path}`, ...(query === undefined ? {} : { query }) };
    const answer = await send(request);
    // Of a deleted version there are metadata and no data, of a path without versions neither.
    if (answer.status === 404 && (answer.body?.data ?? undefined) === undefined) {
      if (answer.reasons.length > 0) throw refused(request, answer);
      return { number: 0, data: undefined };
    }
    if (answer.status === 400) throw refused(request, answer);
    const { data, metadata } = parsed(readSchema, request, answer).data;
    return { number: metadata.version, data: answer.status === 200 ? (data ?? undefined) : undefined };
  }

  return {
    latest: () => read(),

    version: async (wanted) => (await read({ version: String(wanted) })).data,

    async kept() {
      const request: VaultRequest = { method: 'GET', path: `${mount}/metadata/${path}` };
      const answer = await send(request);
      if (answer.status === 404 && answer.reasons.length === 0) return [];
      if (answer.status !== 200) throw refused(request, answer);
      const { versions } = parsed(metadataSchema, request, answer).data;
      return Object.entries(versions)
        .filter(([, { deletion_time: at, destroyed }]) => !destroyed && (at === '' || new Date(at) > now()))
        .map(([name]) => Number(name))
        .sort((one, other) => other - one);
    },

    async writeAfter(before, data) {
      const request: VaultRequest = { method: 'POST', path: `${mount}/data/${path}`, body: { options: { cas: before }, data } };
      const answer = await send(request);
      if (answer.status === 400 && answer.reasons.some((reason) => /^check-and-set parameter did not match/.test(reason))) return false;
      if (answer.status === 400 || answer.status === 404) throw refused(request, answer);
      const made = parsed(writtenSchema, request, answer).data.version;
      if (made !== before + 1) throw notVersioned(request);
      return true;
    },

    async destroy(version) {
      const request: VaultRequest = { method: 'POST', path: `${mount}/destroy/${path}`, body: { versions: [version] } };
      const answer = await send(request);
      if (answer.status !== 200 && answer.status !== 204) throw refused(request, answer);
    },
  };
}

function parsed<const Schema extends v.GenericSchema>(
  schema: Schema,
  request: VaultRequest,
  { body }: ClientAnswer,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, body);
  if (!result.success) throw notVersioned(request);
  return result.output;
}

const refused = (request: VaultRequest, answer: ClientAnswer): CredentialError =>
  new CredentialError(`vault refused ${nameOf(request)} (${saidOf(answer)})`, "check the mount, the namespace and the secret's path");

const notVersioned = (request: VaultRequest): CredentialError =>
  new CredentialError(`${nameOf(request)} is not answered as KV version 2 does`, 'set the mount of a KV version 2 engine');
