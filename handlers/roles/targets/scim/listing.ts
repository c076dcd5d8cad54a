/** Lists of a SCIM server (RFC 7644 section 3.4.2), whole or not at all: an incomplete one never passes for complete. */
import * as v from 'valibot';
import { RetryableError } from '../../../platform/errors.ts';
import type { ScimClient } from './client.ts';
import { type JsonObject, StrangeAnswerError } from './http.ts';
import { identityCenterPage, type ScimSettings } from './settings.ts';

export type Resource = JsonObject & { readonly id: string };

export interface ResourcePage {
  readonly resources: readonly Resource[];
  readonly after: string | undefined;
}

export interface Lists {
  /** One page of all that the query selects. */
  page(path: string, query: Readonly<Record<string, string>>, after: string | undefined): Promise<ResourcePage>;
  /**
   * All that a filter finds, each held against `matches`.
   *
   * @throws StrangeAnswerError when the server does not filter: nobody may then be taken for absent
   */
  find(
    path: string,
    query: { readonly filter: string } & Readonly<Record<string, string>>,
    matches: (one: Resource) => boolean,
  ): Promise<readonly Resource[]>;
}

const answerSchema = v.object({
  totalResults: v.optional(v.pipe(v.union([v.number(), v.string()]), v.toNumber(), v.integer(), v.minValue(0))),
  nextCursor: v.nullish(v.string()),
  Resources: v.optional(v.array(v.looseObject({ id: v.pipe(v.string(), v.nonEmpty()) })), []),
});

/** Where a listing by index stands. Each page begins with the last one of the page before: if another stands there, the list has moved. */
const standSchema = v.pipe(v.string(), v.parseJson(), v.object({ index: v.number(), total: v.number(), last: v.string() }));

export function listsOf(client: ScimClient, { profile, pageSize }: Pick<ScimSettings, 'profile' | 'pageSize'>): Lists {
  const ask = async (path: string, query: Readonly<Record<string, string>>) => {
    const { body, status } = await client({ method: 'GET', path, query });
    const parsed = v.safeParse(answerSchema, body);
    if (!parsed.success) throw new StrangeAnswerError(`GET ${path} answered ${status} with no list of RFC 7644: check the endpoint`);
    return parsed.output;
  };
  const changed = (path: string, how: string) =>
    new RetryableError(`the list of ${path} is not complete (${how}): it is listed again from its beginning`);

  const byIndex = async (path: string, query: Readonly<Record<string, string>>, after: string | undefined): Promise<ResourcePage> => {
    const stand = after === undefined ? undefined : v.parse(standSchema, after);
    const startIndex = stand?.index ?? 1;
    const { totalResults: total, Resources } = await ask(path, { ...query, startIndex: String(startIndex), count: String(pageSize) });
    if (total === undefined) throw changed(path, 'the server tells no total');
    if (stand && total !== stand.total) throw changed(path, `the total changed from ${stand.total} to ${total}`);
    if (stand && Resources[0]?.id !== stand.last) throw changed(path, `number ${startIndex} is another one than before`);
    const resources = stand ? Resources.slice(1) : Resources;
    const index = startIndex - 1 + Resources.length;
    const last = Resources.at(-1);
    if (index > total) throw changed(path, `${index} came of ${total}`);
    if (index === total || last === undefined) {
      if (index < total) throw changed(path, `the server gives none of ${total}`);
      return { resources, after: undefined };
    }
    if (resources.length === 0) throw changed(path, `the server gives none after number ${index} of ${total}`);
    return { resources, after: JSON.stringify({ index, total, last: last.id }) };
  };

  /** "IAM Identity Center SCIM Implementation Developer Guide", ListUsers and ListGroups: no startIndex, a cursor instead (RFC 9865). */
  const byCursor = async (path: string, query: Readonly<Record<string, string>>, after = ''): Promise<ResourcePage> => {
    const { totalResults, nextCursor, Resources } = await ask(path, { ...query, cursor: after, count: String(pageSize) });
    if (nextCursor) {
      if (nextCursor === after) throw changed(path, 'the server gives the same cursor again');
      return { resources: Resources, after: nextCursor };
    }
    // An answer with a total takes no notice of the cursor: it may end where the page does.
    const mayBeCut =
      totalResults !== undefined && (totalResults !== Resources.length || Resources.length >= Math.min(pageSize, identityCenterPage));
    if (mayBeCut) throw changed(path, `the server gives ${Resources.length} of ${totalResults} and no cursor`);
    return { resources: Resources, after: undefined };
  };

  return {
    page: profile === 'identity-center' ? byCursor : byIndex,
    async find(path, query, matches) {
      const { totalResults = 0, Resources } = await ask(path, query);
      // Who is on a page that did not come must not be taken for absent.
      if (Resources.length < totalResults)
        throw changed(path, `the server gives ${Resources.length} of ${totalResults} that a filter finds`);
      const found = Resources.filter(matches);
      if (found.length < Resources.length) {
        throw new StrangeAnswerError(
          `GET ${path} with a filter by ${query.filter.split(' ')[0]} answered with others too: a server that does not filter cannot be a target`,
        );
      }
      return found;
    },
  };
}
