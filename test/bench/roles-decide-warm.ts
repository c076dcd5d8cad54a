/** Decisions in a process of its own, from a cold one on: reads how much of everything from standard input, prints times in ms. */
import type { EffectiveGroup } from '../../handlers/directory/principals.ts';
import { fileTimeOf, groupObject, objectRow, userObject } from '../directory/rows.ts';

export interface DecideReport {
  readonly loadMs: number;
  readonly prepareMs: number;
  readonly firstMs: number;
  /** Each gives all the roles anew. */
  readonly decidedMs: readonly number[];
  /** Each finds nothing to change. */
  readonly againMs: readonly number[];
}

const rounds = 400;
const warmUp = 50;
/** Mappings besides those that give the roles, of which no group is. */
const otherMappings = 50;

let input = '';
for await (const chunk of process.stdin) input += chunk;
const { groups, policies, roles } = JSON.parse(input) as { groups: number; policies: number; roles: number };

const loading = performance.now();
const { parseAccessConfiguration } = await import('../../handlers/access/access-configuration.ts');
const { decide, prepareAccess } = await import('../../handlers/access/decide.ts');
const { createAuthorizer } = await import('../../handlers/access/policies/authorizer.ts');
const loadMs = performance.now() - loading;
const { policyFiles } = await import('../access/policy-requests.ts');

const decidedAt = '2025-03-01T10:00:00.000Z';
const person = objectRow(
  userObject(1, 'ada', {
    userPrincipalName: ['ada@corp.example.com'],
    displayName: ['Ada Example'],
    mail: ['ada@example.com'],
    pwdLastSet: [fileTimeOf('2025-02-01T08:00:00Z')],
  }),
);
/** Nested up to five deep. Of the first ones mappings give roles. */
const rows = Array.from({ length: groups }, (_, number) => objectRow(groupObject(100 + number, `Group-${number}`)));
const effective: readonly EffectiveGroup[] = rows.map((row, number) => ({
  row,
  path: rows.slice(Math.max(0, number - (number % 5)), number),
}));

/** Forbids the roles of a label to members of two groups at once: as teams write segregation of duties, over groups that people are in. */
const segregation = (number: number): string =>
  `@id("segregation-${number}")
@reason("duties of ${number} are apart")
forbid (principal in Group::"group-${(number * 3) % groups}@corp.example.com", action == Action::"grant", resource)
when { principal in Group::"no-group-${number}@corp.example.com" || (resource.labels.contains("label-${number}") && principal.lockedOut) };`;

const shipped = [...policyFiles('modules/access/policies'), ...policyFiles('examples/policies')];
const count = shipped.reduce((sum, { text }) => sum + (text.match(/^(?:permit|forbid) \(/gm)?.length ?? 0), 0);
const files = [
  ...shipped,
  { name: 'segregation.cedar', text: Array.from({ length: policies - count }, (_, number) => segregation(number)).join('\n') },
];

const configuration = parseAccessConfiguration({
  mappings: [
    ...Array.from({ length: roles }, (_, number) => ({
      id: `role-${number}`,
      group: { name: `Group-${number * 7}` },
      role: `role-${number}`,
      labels: [`label-${number}`],
    })),
    ...Array.from({ length: otherMappings }, (_, number) => ({
      id: `other-${number}`,
      group: number % 2 === 0 ? { name: `Nobody-${number}` } : { pattern: `^Nobody-${number}-(?<team>[a-z]+)$` },
      role: number % 2 === 0 ? `other-${number}` : `other-${number}-$<team>`,
    })),
  ],
  targets: { 'identity-center': { attributes: {} } },
  policies: files.map(({ name }) => ({ name, key: name })),
  policyAttributes: ['department'],
  onViolation: 'revoke',
});

const preparing = performance.now();
const access = prepareAccess(configuration, createAuthorizer({ policies: files, attributes: configuration.policyAttributes }));
const prepareMs = performance.now() - preparing;
const context = { access, decidedAt, cause: { id: 'cause-1', type: 'GroupMemberAdded' } } as const;

const deciding = performance.now();
const first = decide(person, effective, undefined, context);
const firstMs = performance.now() - deciding;
const [granted, denied] = [Object.keys(first?.grants ?? {}).length, Object.keys(first?.denied ?? {}).length];
if (granted !== roles || denied !== 0)
  throw new Error(`${granted} roles were granted and ${denied} denied, where ${roles} are to be granted`);

function timed(current: typeof first): number[] {
  const times: number[] = [];
  for (let round = -warmUp; round < rounds; round += 1) {
    const start = performance.now();
    decide(person, effective, current, context);
    if (round >= 0) times.push(performance.now() - start);
  }
  return times;
}

const report: DecideReport = { loadMs, prepareMs, firstMs, decidedMs: timed(undefined), againMs: timed(first) };
process.stdout.write(JSON.stringify(report));
