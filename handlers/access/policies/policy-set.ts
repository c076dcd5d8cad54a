/** The team's policy files as one set, checked: parsed, named, validated against the schema. */
import { type DetailedError, type PolicyJson, policySetTextToParts, policyToJson, validate } from '@cedar-policy/cedar-wasm/nodejs';
import { ConfigurationError } from '../../platform/errors.ts';
import { entitiesNamed, type KnownNames, literalProblems } from './policy-literals.ts';
import { policySchema } from './schema.ts';

/** A `.cedar` file. */
export interface PolicyFile {
  /** Its name, for messages and for the ids of policies without `@id`. */
  readonly name: string;
  readonly text: string;
}

export interface PolicySetOptions {
  readonly policies: readonly PolicyFile[];
  /** Directory attributes that policies may use. */
  readonly attributes: readonly string[];
  /** What policies may name besides: where given, anything else is refused. */
  readonly known?: KnownNames;
}

export interface PolicySet {
  /** Text of each policy by its id. */
  readonly texts: Readonly<Record<string, string>>;
  readonly annotations: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Ids of the groups that the policies name. */
  readonly groups: ReadonlySet<string>;
  readonly schema: string;
}

interface Policy {
  readonly id: string;
  readonly text: string;
  readonly json: PolicyJson;
  /** File and position of an offset in the policy's text, in bytes. */
  readonly at: (offset: number) => string;
}

/**
 * Reads and checks policies.
 *
 * @throws ConfigurationError naming each file, policy and position that is wrong
 */
export function readPolicySet({ policies: files, attributes, known = {} }: PolicySetOptions): PolicySet {
  const problems: string[] = [];
  const policies = files.flatMap((file) => readFile(file, problems));
  for (const [index, { id, at }] of policies.entries()) {
    const first = policies.findIndex((policy) => policy.id === id);
    if (first < index)
      problems.push(`${at(0)}: policy id ${JSON.stringify(id)} is also at ${policies[first]?.at(0)}: give each an @id of its own`);
  }
  for (const { id, json, at } of policies) {
    for (const problem of literalProblems(json, known)) problems.push(`${at(0)}: policy ${id} ${problem}`);
  }
  const texts = Object.fromEntries(policies.map(({ id, text }) => [id, text]));
  const schema = policySchema(attributes);
  problems.push(...validationProblems(policies, texts, schema));
  if (problems.length === 0 && !policies.some(({ json }) => json.effect === 'permit'))
    problems.push('no policy permits anything, so nobody would be granted a role: add mapped-grants.cedar of the starter set');
  if (problems.length > 0) throw new ConfigurationError(`policies are wrong: ${problems.join('; ')}`);
  return {
    texts,
    annotations: new Map(policies.map(({ id, json }) => [id, annotationsOf(json)])),
    groups: new Set(policies.flatMap(({ json }) => entitiesNamed(json, 'Group'))),
    schema,
  };
}

function readFile(file: PolicyFile, problems: string[]): readonly Policy[] {
  const parts = policySetTextToParts(file.text);
  if (parts.type === 'failure') {
    problems.push(...parts.errors.map((error) => `${positionIn(file, firstOffset(error))}: ${textOf(error)}`));
    return [];
  }
  if (parts.policy_templates.length > 0) {
    problems.push(`${file.name} holds a policy template: write its ?principal or ?resource out`);
    return [];
  }
  let from = 0;
  return inOrder(parts.policies).flatMap((text, index) => {
    const start = Math.max(file.text.indexOf(text, from), 0);
    from = start + text.length;
    const parsed = policyToJson(text);
    const before = Buffer.byteLength(file.text.slice(0, start));
    const at = (offset: number) => positionIn(file, before + offset);
    if (parsed.type === 'failure') {
      problems.push(...parsed.errors.map((error) => `${at(firstOffset(error))}: ${textOf(error)}`));
      return [];
    }
    const { id } = annotationsOf(parsed.json);
    if (id === '') problems.push(`${at(0)}: @id is empty: name the policy, or leave it out`);
    return [{ id: id || `${file.name}#${index + 1}`, text, json: parsed.json, at }];
  });
}

/** Policies as the file has them: cedar sorts them by ids of its own as text, policy0, policy1, policy10, policy2. */
function inOrder(sorted: readonly string[]): readonly string[] {
  const numbers = sorted.map((_, index) => `policy${index}`).sort();
  return sorted
    .map((text, index) => ({ text, number: Number(numbers[index]?.slice('policy'.length)) }))
    .sort((one, other) => one.number - other.number)
    .map(({ text }) => text);
}

/** An annotation without a value is an empty text. */
const annotationsOf = ({ annotations = {} }: PolicyJson): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(annotations).map(([name, value]: [string, string | null]) => [name, value ?? '']));

/**
 * What the validator finds. Its warnings count: an impossible policy is a forbid that never forbids, and a text with bidirectional control
 * characters is another than it looks. Names in several scripts, and signs that identifiers of programs should not have, are fine: groups have them.
 */
function validationProblems(policies: readonly Policy[], staticPolicies: Readonly<Record<string, string>>, schema: string) {
  const answer = validate({ validationSettings: { mode: 'strict' }, schema, policies: { staticPolicies: { ...staticPolicies } } });
  if (answer.type === 'failure') return answer.errors.map(textOf);
  const warnings = answer.validationWarnings.filter(({ error }) => !/mixed scripts|security profile/.test(error.message));
  const wrong = new Set(answer.validationErrors.map(({ policyId }) => policyId));
  // A policy that is wrong anyway is often impossible just for that.
  return [...answer.validationErrors, ...warnings.filter(({ policyId }) => !wrong.has(policyId))].map(({ policyId, error }) => {
    const policy = policies.find(({ id }) => id === policyId);
    return `${policy?.at(firstOffset(error)) ?? 'schema'}: ${textOf(error)}`;
  });
}

const firstOffset = (error: DetailedError): number => error.sourceLocations?.[0]?.start ?? 0;

const textOf = ({ message, help, sourceLocations }: DetailedError): string =>
  [message, sourceLocations?.[0]?.label, help].filter((text) => text).join(', ');

/** `file:line:column` of an offset in bytes. */
function positionIn(file: PolicyFile, offset: number): string {
  const lines = Buffer.from(file.text).subarray(0, offset).toString().split('\n');
  return `${file.name}:${lines.length}:${[...(lines.at(-1) ?? '')].length + 1}`;
}
