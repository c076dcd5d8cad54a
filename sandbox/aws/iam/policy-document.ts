/**
 * Policy documents and their reading. A document is checked as a whole before any of it counts, so that a mistake in a statement that
 * does not apply is refused all the same ("Grammar of the IAM JSON policy language").
 */

import { type Condition, compileCondition } from './condition.ts';
import { malformed, UnknownPolicyElementError } from './policy-errors.ts';
import { type PrincipalElement, parsePrincipalElement } from './principal-element.ts';
import { colonsBeforeVariable, parseTextPattern, type TextPattern } from './text-pattern.ts';

type OneOrMore<T> = T | readonly T[];
type PrincipalJson = '*' | Readonly<Record<string, OneOrMore<string>>>;

export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: PrincipalJson;
  readonly NotPrincipal?: PrincipalJson;
  readonly Action?: OneOrMore<string>;
  readonly NotAction?: OneOrMore<string>;
  readonly Resource?: OneOrMore<string>;
  readonly NotResource?: OneOrMore<string>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMore<string | number | boolean>>>>>;
}

export type PolicyDocument = { Version?: string; Id?: string; Statement: Statement | Statement[] };

export interface PolicySource {
  /** What messages and reports call the policy. */
  readonly name: string;
  readonly document: PolicyDocument;
}

/** Boundaries are identity policies; a trust policy is the resource policy of a role. */
export type PolicyType = 'identity' | 'resource' | 'trust';

export interface Entry {
  /** As the policy spells it. */
  readonly text: string;
  readonly pattern: TextPattern;
}

export interface Entries {
  /** True for NotAction and NotResource. */
  readonly negated: boolean;
  readonly entries: readonly Entry[];
}

export interface ParsedStatement {
  readonly policy: string;
  readonly sid?: string;
  /** From 0. */
  readonly index: number;
  readonly effect: 'Allow' | 'Deny';
  /** Absent in identity policies only. */
  readonly principal?: PrincipalElement;
  readonly actions: Entries;
  /** Absent where the statement is about the resource that carries it. */
  readonly resources?: Entries;
  readonly conditions: readonly Condition[];
}

const DOCUMENT_ELEMENTS = ['Version', 'Id', 'Statement'];
const STATEMENT_ELEMENTS = ['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'];

type Json = Readonly<Record<string, unknown>>;

/** @throws MalformedPolicyError @throws UnknownPolicyElementError */
export function parsePolicy(source: PolicySource, type: PolicyType): readonly ParsedStatement[] {
  const where = `policy "${source.name}"`;
  const document = object(source.document, where);
  onlyKnown(document, DOCUMENT_ELEMENTS, where);
  const version = document.Version ?? '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17')
    malformed(`version ${JSON.stringify(version)} of ${where} is not known: write 2012-10-17`);
  const statements = list(document.Statement, `the Statement of ${where}`);
  const sids = new Set<string>();
  return statements.map((json, index) => {
    const statement = parseStatement(object(json, `statement ${index} of ${where}`), index, source.name, type, version === '2012-10-17');
    if (statement.sid !== undefined && sids.has(statement.sid))
      malformed(`sid "${statement.sid}" occurs twice in ${where}: make it unique`);
    if (statement.sid !== undefined) sids.add(statement.sid);
    return statement;
  });
}

function parseStatement(json: Json, index: number, policy: string, type: PolicyType, variables: boolean): ParsedStatement {
  const sid = json.Sid === undefined || json.Sid === '' ? undefined : json.Sid;
  const where = `statement ${sid === undefined ? index : JSON.stringify(sid)} of policy "${policy}"`;
  onlyKnown(json, STATEMENT_ELEMENTS, where);
  if (sid !== undefined && typeof sid !== 'string') return malformed(`the Sid of ${where} is no text`);
  if (type !== 'resource' && sid !== undefined && !/^[A-Za-z0-9]+$/.test(sid)) {
    malformed(`the Sid of ${where} is not alphanumeric: use A-Z, a-z and 0-9`);
  }
  const effect = json.Effect;
  if (effect !== 'Allow' && effect !== 'Deny') return malformed(`the Effect of ${where} is ${JSON.stringify(effect)}: write Allow or Deny`);

  const principal = principalOf(json, type, where);
  const resources = resourcesOf(json, type, variables, where);
  return {
    policy,
    ...(sid === undefined ? {} : { sid }),
    index,
    effect,
    ...(principal ? { principal } : {}),
    actions: actionsOf(json, where),
    ...(resources ? { resources } : {}),
    conditions: conditionsOf(json.Condition, variables, where),
  };
}

/** The element or its negation: never both. */
function either(json: Json, element: string, where: string): { negated: boolean; value: unknown } | undefined {
  const negation = `Not${element}`;
  if (json[element] !== undefined && json[negation] !== undefined)
    return malformed(`${where} has both ${element} and ${negation}: keep one`);
  if (json[element] !== undefined) return { negated: false, value: json[element] };
  return json[negation] === undefined ? undefined : { negated: true, value: json[negation] };
}

function principalOf(json: Json, type: PolicyType, where: string): PrincipalElement | undefined {
  const found = either(json, 'Principal', where);
  if (type === 'identity') {
    return found && malformed(`${where} has a principal: an identity policy applies to whom it is attached`);
  }
  if (found === undefined) return malformed(`${where} has no Principal: say whom it is about`);
  if (type === 'trust' && found.negated) return malformed(`${where} has NotPrincipal: a trust policy must name whom it trusts`);
  return parsePrincipalElement(found.value, found.negated, where);
}

function actionsOf(json: Json, where: string): Entries {
  const found = either(json, 'Action', where) ?? malformed(`${where} has no Action: list the actions`);
  const entries = texts(found.value, `the actions of ${where}`).map((text) => {
    if (text !== '*' && !/^[A-Za-z0-9-]+:[A-Za-z0-9*?]+$/.test(text))
      malformed(`action "${text}" of ${where} has not the form service:Action`);
    return { text, pattern: parseTextPattern(text, { wildcards: true, variables: false }, where) };
  });
  return { negated: found.negated, entries };
}

function resourcesOf(json: Json, type: PolicyType, variables: boolean, where: string): Entries | undefined {
  const found = either(json, 'Resource', where);
  if (type === 'trust') return found && malformed(`${where} has a Resource: a trust policy is about its own role`);
  if (found === undefined) return type === 'identity' ? malformed(`${where} has no Resource: list the ARNs, or "*"`) : undefined;
  const entries = texts(found.value, `the resources of ${where}`).map((text) => {
    if (text !== '*' && !text.startsWith('arn:')) malformed(`resource "${text}" of ${where} is neither an ARN nor "*"`);
    const pattern = parseTextPattern(text, { wildcards: true, variables }, where);
    if (colonsBeforeVariable(pattern) < 5)
      malformed(`resource "${text}" of ${where} has a variable before the fifth colon: write that part out`);
    return { text, pattern };
  });
  return { negated: found.negated, entries };
}

function conditionsOf(element: unknown, variables: boolean, where: string): Condition[] {
  if (element === undefined) return [];
  return Object.entries(object(element, `the Condition of ${where}`)).flatMap(([operator, keys]) =>
    Object.entries(object(keys, `${operator} of ${where}`)).map(([key, value]) => {
      const values = list(value, `${operator} of ${key} in ${where}`).map((entry) =>
        ['string', 'number', 'boolean'].includes(typeof entry)
          ? String(entry)
          : malformed(`${operator} of ${key} in ${where} holds ${JSON.stringify(entry)}: write texts, numbers or booleans`),
      );
      return compileCondition(operator, key, values, variables, where);
    }),
  );
}

function object(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  return malformed(`${what} is ${JSON.stringify(value)}: write an object`);
}

function list(value: unknown, what: string): readonly unknown[] {
  const entries: readonly unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return entries.length > 0 ? entries : malformed(`${what} is empty: write at least one entry`);
}

function texts(value: unknown, what: string): string[] {
  return list(value, what).map((entry) =>
    typeof entry === 'string' ? entry : malformed(`${what} hold ${JSON.stringify(entry)}: write texts`),
  );
}

function onlyKnown(json: Json, known: readonly string[], where: string): void {
  const unknown = Object.keys(json).find((element) => !known.includes(element));
  if (unknown !== undefined) throw new UnknownPolicyElementError(unknown, 'element', where, known);
}
