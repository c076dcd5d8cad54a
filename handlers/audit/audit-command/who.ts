/** `who` and `what`: the grants of a user, and of a role. */
import type { GrantRow, Origin } from '../answers/grant-rows.ts';
import { fullName } from '../answers/principals.ts';
import { second, shortId } from '../answers/record-text.ts';
import { type WhoAnswer, what, who } from '../answers/who.ts';
import type { Action } from './action.ts';
import { answer } from './answer.ts';
import type { CsvTable } from './csv.ts';
import { exitCodes } from './exit-codes.ts';
import type { Options } from './options.ts';
import { type Fact, facts, table } from './terminal-text.ts';

export const whoAction: Action = {
  takes: ['user', 'target', 'at', 'evidence', 'csv'],
  needs: [['user']],
  run: (options, surroundings) =>
    answer(options, surroundings, async (records) => {
      const found = await who(records, options.user ?? '', options);
      const { principal, names, grants } = found;
      return {
        text: (width) => `${personText(found, width)}\n${grantsText(grants, options, width)}`,
        json: { user: { domain: principal.domain, ...principal.subject }, names, grants },
        csv: grantsCsv(grants),
        exitCode: exitCodes.done,
      };
    }),
};

export const whatAction: Action = {
  takes: ['role', 'target', 'at', 'evidence', 'csv'],
  needs: [['role']],
  run: (options, surroundings) =>
    answer(options, surroundings, async (records) => {
      const grants = await what(records, options.role ?? '', options);
      return {
        text: (width) => grantsText(grants, options, width),
        json: { role: options.role, grants },
        csv: grantsCsv(grants),
        exitCode: exitCodes.done,
      };
    }),
};

function personText({ principal, names }: WhoAnswer, width: number): string {
  const { subject, domain } = principal;
  const now = fullName(subject);
  const before = names.filter(({ name }) => name !== now);
  return facts(
    [
      ['user', `${now} of ${domain}`],
      ['DN', subject.dn],
      ['objectGUID', subject.guid],
      ...before.map(({ name, to }): Fact => ['was called', `${name}, last at ${second(to)}`]),
    ],
    width,
  );
}

function grantsText(grants: readonly GrantRow[], { at }: Options, width: number): string {
  const when = at === undefined ? '' : ` at ${at.toISOString()}`;
  if (grants.length === 0) return `no role${when}; what was denied: npm run audit -- changes --type AccessDenied --user NAME\n`;
  const held = grants.filter(({ until }) => until === undefined).length;
  const summary = at === undefined ? `${held} held, ${grants.length - held} ended` : `${grants.length} held${when}`;
  const rows = grants.map((grant) => ({
    cells: [grant.state, second(grant.since), grant.until === undefined ? '' : second(grant.until), grant.id],
    notes: notesOf(grant),
  }));
  return `${table(['STATE', 'SINCE', 'UNTIL', 'GRANT'], rows, width)}\n${summary}\n`;
}

function notesOf({ path, mapping, policies, violates, assignments, given, ended }: GrantRow): readonly Fact[] {
  return [
    ['by', `${path.join(' > ')}, mapping ${mapping}, ${policies.length > 0 ? `policies ${policies.join(', ')}` : 'no policy'}`],
    ...(assignments.length > 0
      ? [['brings', assignments.map(({ account, permissionSet }) => `${permissionSet} in ${account}`).join(', ')] as const]
      : []),
    ...(violates === undefined ? [] : [['against', violates.join(', ') || 'no policy permits it any more'] as const]),
    ...(given === undefined ? [] : [['given', originText(given)] as const]),
    ...(ended === undefined ? [] : [['ended', originText(ended)] as const]),
  ];
}

export const originText = ({ event, at, what: happened }: Origin): string =>
  `${at === undefined ? '' : `${second(at)} `}${happened} [${shortId(event)}]`;

function grantsCsv(grants: readonly GrantRow[]): CsvTable {
  const origin = (one: Origin | undefined) => [one?.at ?? '', one?.what ?? '', one?.by ?? '', one?.event ?? ''];
  const ofOrigin = (name: string) => ['at', 'change', 'by', 'event'].map((part) => `${name}_${part}`);
  return {
    heads: [
      ...['grant', 'user', 'object_guid', 'distinguished_name', 'domain', 'role', 'target', 'state', 'since', 'until'],
      ...['mapping', 'path', 'policies', 'violates', 'assignments', 'given_at_target', 'taken_at_target'],
      ...ofOrigin('given'),
      ...ofOrigin('ended'),
    ],
    rows: grants.map((grant) => [
      ...[grant.id, grant.user.name, grant.user.guid, grant.user.dn, grant.user.domain, grant.role, grant.target, grant.state],
      ...[grant.since, grant.until ?? '', grant.mapping, grant.path.join(' > '), grant.policies.join(' '), grant.violates?.join(' ') ?? ''],
      grant.assignments.map(({ account, permissionSet }) => `${account}/${permissionSet}`).join(' '),
      ...[grant.givenAt ?? '', grant.takenAt ?? '', ...origin(grant.given), ...origin(grant.ended)],
    ]),
  };
}
