/**
 * Names that a policy writes out. One that can never match is worse than an error, because a forbid with it forbids nothing: it is refused
 * with the way to write it.
 */
import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs';
import { containerName, folded } from './entity-names.ts';

/** Names that policies may use. */
export interface KnownNames {
  readonly targets?: readonly string[];
  readonly domains?: readonly string[];
}

/** Ids of the entities of a type that a policy names, in its scope or its conditions. */
export function entitiesNamed(policy: PolicyJson, type: string): readonly string[] {
  return nodesOf(policy).flatMap((node) => (node.type === type && typeof node.id === 'string' ? [node.id] : []));
}

/** What is wrong with the names of a policy: text that goes after `policy <id>`. */
export function literalProblems(policy: PolicyJson, known: KnownNames): readonly string[] {
  return [
    ...entitiesNamed(policy, 'Group').flatMap((id) => entityProblem('Group', id, groupProblem(id, known))),
    ...entitiesNamed(policy, 'User').flatMap((id) => entityProblem('User', id, userProblem(id, known))),
    ...entitiesNamed(policy, 'Role').flatMap((id) => entityProblem('Role', id, roleProblem(id, known))),
    ...entitiesNamed(policy, 'Target').flatMap((id) => entityProblem('Target', id, unknown('target', id, known.targets))),
    ...nodesOf(policy).flatMap(comparisonProblems),
  ];
}

const entityProblem = (type: string, id: string, problem: string | undefined): readonly string[] =>
  problem === undefined ? [] : [`names ${type}::${JSON.stringify(id)}, which never matches: ${problem}`];

function groupProblem(id: string, known: KnownNames): string | undefined {
  if (/^S-1-\d+(?:-\d+){1,15}$/.test(id)) return undefined;
  const [, domain] = /^.+@([^@]+)$/s.exec(id) ?? [];
  if (domain === undefined) return 'write "<sAMAccountName>@<domain>" in lower case, or its SID (S-1-5-21-…)';
  return notFolded(id) ?? unknown('domain', domain, known.domains);
}

function userProblem(id: string, known: KnownNames): string | undefined {
  const [, domain] = /^[0-9a-f-]{36}@([^@]+)$/i.exec(id) ?? [];
  if (domain === undefined) return 'write "<objectGUID>@<domain>" in lower case, or compare principal.samAccountName';
  return notFolded(id) ?? unknown('domain', domain, known.domains);
}

function roleProblem(id: string, known: KnownNames): string | undefined {
  const slash = id.indexOf('/');
  if (slash < 1) return 'write "<target>/<role>", the role in lower case';
  const name = id.slice(slash + 1);
  return folded(name) === name
    ? unknown('target', id.slice(0, slash), known.targets)
    : `write ${JSON.stringify(`${id.slice(0, slash)}/${folded(name)}`)}`;
}

const notFolded = (id: string): string | undefined => (folded(id) === id ? undefined : `write ${JSON.stringify(folded(id))}`);

const unknown = (what: string, name: string, names: readonly string[] | undefined): string | undefined =>
  names === undefined || names.some((one) => (what === 'domain' ? folded(one) : one) === name)
    ? undefined
    : `there is no ${what} ${JSON.stringify(name)}, there are ${names.map((one) => JSON.stringify(one)).join(', ')}`;

type Node = Readonly<Record<string, unknown>>;

/** Expressions that compare two values: `==`, `contains` and their like have `left` and `right`, `like` has a pattern. */
function comparisonProblems(node: Node): readonly string[] {
  return Object.entries(node).flatMap(([operator, operands]) => {
    if (!isNode(operands) || !('left' in operands) || operator === '.' || operator === 'has') return [];
    const { left, right, pattern } = operands;
    return [...sideProblems(left, right ?? pattern), ...sideProblems(right, left)];
  });
}

function sideProblems(side: unknown, literal: unknown): readonly string[] {
  const path = attributePath(side);
  if (path === undefined || path === 'principal.sid') return [];
  if (path === 'principal.organizationalUnits') return textsOf(literal).flatMap(containerProblem);
  if (!path.startsWith('principal.') && path !== 'resource.name') return [];
  return textsOf(literal)
    .filter((text) => folded(text) !== text)
    .map((text) => `compares ${path} with ${JSON.stringify(text)}, which never matches: write ${JSON.stringify(folded(text))}`);
}

function containerProblem(text: string): readonly string[] {
  const written = containerName(text);
  if (written === text) return [];
  const remedy = written === undefined ? 'write a distinguished name (RFC 4514) in lower case' : `write ${JSON.stringify(written)}`;
  return [`compares principal.organizationalUnits with ${JSON.stringify(text)}, which never matches: ${remedy}`];
}

/** `principal.attributes.department` for the expression that reads it. */
function attributePath(expression: unknown): string | undefined {
  if (!isNode(expression)) return undefined;
  if (expression.Var === 'principal' || expression.Var === 'resource') return expression.Var;
  const access = expression['.'];
  if (!isNode(access)) return undefined;
  const owner = attributePath(access.left);
  return owner === undefined ? undefined : `${owner}.${access.attr}`;
}

/** Texts of a literal: of one, of a set, or of a pattern. */
function textsOf(literal: unknown): readonly string[] {
  // The pattern of like: a part for each character, and "Wildcard".
  if (Array.isArray(literal))
    return [literal.map((part) => (isNode(part) && typeof part.Literal === 'string' ? part.Literal : '*')).join('')];
  if (!isNode(literal)) return [];
  if (typeof literal.Value === 'string') return [literal.Value];
  return Array.isArray(literal.Set) ? literal.Set.flatMap(textsOf) : [];
}

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A value and all objects in it. */
function nodesOf(value: unknown): readonly Node[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  return isNode(value) ? [value, ...Object.values(value).flatMap(nodesOf)] : [];
}
