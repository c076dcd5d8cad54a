/** Reading and marking what a SCIM server holds, users and groups alike. */
import { type Intent, TargetConflictError } from '../../target.ts';
import { isStatus, type ScimAnswer, type ScimClient, type ScimError, versionOf } from './client.ts';
import { eq } from './filters.ts';
import { isObject, type JsonObject, StrangeAnswerError } from './http.ts';
import type { Lists, Resource } from './listing.ts';
import { patchOf } from './profile.ts';

export interface Read {
  readonly resource: Resource;
  readonly version: string | undefined;
}

export interface Resources {
  pathOf(id: string): string;
  read(id: string): Promise<Read | undefined>;
  /** All that carry this externalId. */
  marked(mark: string): Promise<readonly Resource[]>;
  /** All of that name, whatever its case. */
  called(attribute: 'userName' | 'displayName', name: string): Promise<readonly Resource[]>;
  /** @throws TargetConflictError when the server does not keep it */
  mark(id: string, mark: string): Promise<void>;
  /** What a POST made, marked: servers answer with the whole resource, with a part of it, or with its place alone. */
  made(answer: ScimAnswer, mark: string): Promise<Resource>;
}

export function resourcesOf(
  client: ScimClient,
  lists: Lists,
  path: '/Users' | '/Groups',
  query: Readonly<Record<string, string>> = {},
): Resources {
  const pathOf = (id: string) => `${path}/${encodeURIComponent(id)}`;
  const read = async (id: string): Promise<Read | undefined> => {
    try {
      const { body, version } = await client({ method: 'GET', path: pathOf(id), query });
      if (body === undefined) throw new StrangeAnswerError(`GET ${pathOf(id)} answered without a body`);
      return { resource: { ...body, id }, version: version ?? versionOf(body) };
    } catch (error) {
      if (isStatus(error, 404)) return undefined;
      throw error;
    }
  };
  const keeps = async (id: string, mark: string, shown: JsonObject | undefined): Promise<boolean> =>
    shown?.externalId === mark || (await read(id))?.resource.externalId === mark;
  const mark = async (id: string, text: string): Promise<void> => {
    const { body } = await client({
      method: 'PATCH',
      path: pathOf(id),
      body: patchOf([{ op: 'replace', path: 'externalId', value: text }]),
    });
    if (await keeps(id, text, body)) return;
    throw new TargetConflictError(
      `the server does not keep the externalId of ${pathOf(id)}: nobody could tell that it is ours`,
      'let the server keep externalId, or choose another way to this target',
    );
  };
  const marked = (text: string) => lists.find(path, { ...query, filter: eq('externalId', text) }, ({ externalId }) => externalId === text);

  return {
    pathOf,
    read,
    marked,
    mark,
    called: (attribute, name) =>
      lists.find(path, { ...query, filter: eq(attribute, name) }, (one) => String(one[attribute]).toLowerCase() === name.toLowerCase()),
    async made({ status, body, location }, text) {
      const id = idOf(body, location) ?? (await marked(text))[0]?.id;
      if (id === undefined) throw new StrangeAnswerError(`POST ${path} answered ${status} and shows not what it made`);
      if (!(await keeps(id, text, body))) await mark(id, text);
      return { ...body, id };
    },
  };
}

function idOf(body: JsonObject | undefined, location: string | undefined): string | undefined {
  if (typeof body?.id === 'string' && body.id !== '') return body.id;
  const segment = location?.split(/[?#]/)[0]?.split('/').at(-1);
  return segment ? decodeURIComponent(segment) : undefined;
}

/** A thing we made carries a creation time of the server's clock: this much may lie between it and ours. */
const clockSkewMs = 60_000;
/** And it is made at most this long after the intent: longer no run lasts. */
const runMs = 60_000;

/** Made by a run of ours whose mark the server did not take at once: no mark of anybody, and of the time of our intent to make it. */
export function halfMade({ externalId, meta }: Resource, intent: Intent | undefined): boolean {
  const created = isObject(meta) && typeof meta.created === 'string' ? Date.parse(meta.created) : Number.NaN;
  if (intent === undefined || Number.isNaN(created) || externalId) return false;
  const sinceIntent = created - Date.parse(intent.at);
  return sinceIntent >= -clockSkewMs && sinceIntent <= runMs + clockSkewMs;
}

/** The server does not take what it was told: trying again does not help. */
export const isRefusal = (error: unknown): error is ScimError => isStatus(error, 400, 409, 422);
