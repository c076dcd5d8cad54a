/** `why`: one grant, or one event. */
import type { Denial, Grant } from '../../events/catalogue.ts';
import { plain } from '../../platform/plain-text.ts';
import { pathOf, second, shortId } from '../answers/record-text.ts';
import { type EventWhy, type GrantWhy, type Step, whyEvent, whyGrant } from '../answers/why.ts';
import type { Action } from './action.ts';
import { answer } from './answer.ts';
import { exitCodes } from './exit-codes.ts';
import { type Fact, facts, table } from './terminal-text.ts';

export const whyAction: Action = {
  takes: ['grant', 'event', 'at', 'evidence'],
  needs: [['grant', 'event']],
  run: (options, surroundings) =>
    answer(options, surroundings, async (records) => {
      const { grant, event, at } = options;
      if (grant === undefined) {
        const found = await whyEvent(records, event ?? '');
        return { text: (width) => eventText(found, width), json: found, exitCode: found.refused ? exitCodes.notSo : exitCodes.done };
      }
      const found = await whyGrant(records, grant, at);
      const holds = found.state === 'held' || found.state === 'decided';
      return { text: (width) => grantText(found, width), json: found, exitCode: holds ? exitCodes.done : exitCodes.notSo };
    }),
};

const meanings: Readonly<Record<GrantWhy['state'], string>> = {
  held: 'HELD',
  decided: 'DECIDED, not yet seen at the target',
  violates: 'HELD AGAINST A POLICY, which is only reported',
  ending: 'ENDED, not yet taken away at the target',
  ended: 'ENDED',
  denied: 'DENIED',
};

function grantText(found: GrantWhy, width: number): string {
  const { id, state, grant, earlier, denied, because, endedBecause, revisions } = found;
  const about: Fact[] = [['state', meanings[state]]];
  if (grant !== undefined) {
    about.push(['since', second(grant.since)]);
    if (grant.until !== undefined) about.push(['until', second(grant.until)]);
    about.push(['user', `${grant.user.dn} (${grant.user.guid})`], ['mapping', grant.mapping], ['path', grant.path.join(' > ')]);
    about.push(['policies', grant.policies.join(', ') || 'none']);
    if (grant.violates !== undefined) about.push(['against', grant.violates.join(', ') || 'no policy permits it any more']);
    for (const { account, permissionSet } of grant.assignments) about.push(['brings', `${permissionSet} in account ${account}`]);
    about.push(['at target', grant.givenAt === undefined ? 'no record of it' : `since ${second(grant.givenAt)}`]);
    if (grant.takenAt !== undefined) about.push(['', `taken away ${second(grant.takenAt)}`]);
  }
  for (const { since, until } of earlier) about.push(['before', `${second(since)} to ${until === undefined ? '?' : second(until)}`]);
  if (revisions !== undefined) about.push(['decided by', `${revisions.configuration}, code ${revisions.code.slice(0, 12)}`]);
  return [
    `${plain(id)}\n${facts(about, width)}`,
    ...(denied === undefined ? [] : [denialText(denied.denial, width, second(denied.at))]),
    stepsText(grant === undefined ? 'DENIED BECAUSE' : 'GIVEN BECAUSE', because, width),
    ...(endedBecause.length === 0 ? [] : [stepsText('ENDED BECAUSE', endedBecause, width)]),
  ].join('\n');
}

function eventText({ event, what, gives, takes, denial, because, revisions }: EventWhy, width: number): string {
  const about: Fact[] = [
    ['event', event],
    ['what', what],
    ...gives.map((grant): Fact => ['gives', wayText(grant)]),
    ...takes.map((grant): Fact => ['takes', wayText(grant)]),
    ['decided by', `${revisions.configuration}, code ${revisions.code.slice(0, 12)}`],
  ];
  return [facts(about, width), ...(denial === undefined ? [] : [denialText(denial, width)]), stepsText('BECAUSE', because, width)].join(
    '\n',
  );
}

const wayText = (grant: Grant): string =>
  `${grant.role} at ${grant.target}: ${pathOf(grant)}, mapping ${grant.mapping}, policies ${grant.policies.join(', ') || 'none'}`;

function denialText({ role, target, mapping, group, reason, detail, policies }: Denial, width: number, at = ''): string {
  return facts(
    [
      ['denied', `${role} at ${target}: ${reason}${at === '' ? '' : `, at ${at}`}`],
      ['because', detail],
      ['mapping', `${mapping}, of group ${group.name}`],
      ...policies.map(({ id, annotations }): Fact => {
        const said = Object.entries(annotations).map(([name, text]) => `@${name}("${text}")`);
        return ['policy', [id, ...said].join(' ')];
      }),
    ],
    width,
  );
}

function stepsText(title: string, steps: readonly Step[], width: number): string {
  if (steps.length === 0) return `${title}: its decision is not in what was read\n`;
  const rows = steps.map(({ event, at, what, recorded }) => ({
    cells: [at === undefined ? '' : second(at), shortId(event), recorded ? what : `${what} (no record of it)`],
  }));
  return `${title}\n${table(['AT', 'EVENT', 'WHAT'], rows, width)}`;
}
