import { AwsError } from '../error.ts';
import { isRecord } from '../input.ts';

// What an attribute of a user or group may hold: the constraints of the Identity Store API Reference (User, Group, AttributeOperation).

export type Attributes = Readonly<Record<string, unknown>>;

interface Rule {
  check(value: unknown, path: string): void;
}

export const invalid = (message: string): AwsError => new AwsError('ValidationException', message);

const string = (maximum: number, spaces: boolean): Rule => {
  const pattern = spaces ? /^[\p{L}\p{M}\p{S}\p{N}\p{P}\t\n\r \u00a0\u3000]+$/u : /^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u;
  return {
    check(value, path) {
      if (typeof value !== 'string') throw invalid(`${path}: expected a string`);
      if (value.length < 1 || value.length > maximum) throw invalid(`${path}: length ${value.length} is not from 1 to ${maximum}`);
      if (!pattern.test(value)) throw invalid(`${path}: '${value}' does not match ${pattern.source}`);
    },
  };
};

const sensitive = string(1024, true);
const boolean: Rule = {
  check(value, path) {
    if (typeof value !== 'boolean') throw invalid(`${path}: expected true or false`);
  },
};

const structure = (members: Readonly<Record<string, Rule>>, required: readonly string[] = []): Rule => ({
  check(value, path) {
    if (!isRecord(value)) throw invalid(`${path}: expected an object`);
    for (const [name, member] of Object.entries(value)) {
      const rule = members[name];
      if (!rule) throw invalid(`${path}.${name}: no such attribute`);
      rule.check(member, `${path}.${name}`);
    }
    for (const name of required) if (value[name] === undefined) throw invalid(`${path}.${name}: required`);
  },
});

const list = (maximum: number, element: Rule): Rule => ({
  check(value, path) {
    if (!Array.isArray(value) || value.length < 1 || value.length > maximum) throw invalid(`${path}: expected a list of 1 to ${maximum}`);
    for (const [index, one] of value.entries()) element.check(one, `${path}[${index}]`);
  },
});

const typed = structure({ Value: sensitive, Type: sensitive, Primary: boolean });

const externalIds = list(10, structure({ Issuer: string(256, false), Id: string(256, false) }, ['Issuer', 'Id']));

const addressParts = ['StreetAddress', 'Locality', 'Region', 'PostalCode', 'Country', 'Formatted', 'Type'];
const nameParts = ['Formatted', 'FamilyName', 'GivenName', 'MiddleName', 'HonorificPrefix', 'HonorificSuffix'];
const every = (names: readonly string[], rule: Rule): Record<string, Rule> => Object.fromEntries(names.map((name) => [name, rule]));

const userRules: Readonly<Record<string, Rule>> = {
  ...every(
    ['DisplayName', 'NickName', 'ProfileUrl', 'UserType', 'Title', 'PreferredLanguage', 'Locale', 'Timezone', 'Website', 'Birthdate'],
    sensitive,
  ),
  UserName: string(128, false),
  Name: structure(every(nameParts, sensitive), ['FamilyName', 'GivenName']),
  Emails: list(1, typed),
  Addresses: list(1, structure({ ...every(addressParts, sensitive), Primary: boolean })),
  PhoneNumbers: list(1, typed),
  Photos: list(3, structure({ Value: sensitive, Type: sensitive, Display: sensitive, Primary: boolean }, ['Value'])),
  Roles: list(1, typed),
};

interface Kind {
  readonly rules: Readonly<Record<string, Rule>>;
  readonly required: readonly string[];
  /** The attribute whose value may not be a reserved name. */
  readonly named: string;
}

const reserved = ['administrator', 'awsadministrators'];

export const user: Kind = { rules: userRules, required: ['UserName', 'DisplayName', 'Name'], named: 'UserName' };
export const group: Kind = {
  rules: { DisplayName: string(1024, true), Description: sensitive },
  required: ['DisplayName'],
  named: 'DisplayName',
};

/** `givenName` → `GivenName`: documents of an update are in either case. */
const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

function capitalized(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(capitalized);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [capital(name), capitalized(member)]));
}

/** The attributes as they would be stored. @throws AwsError ValidationException */
export function checked(kind: Kind, attributes: Attributes): Attributes {
  const kept = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined && value !== null));
  for (const [name, value] of Object.entries(kept)) {
    const rule = name === 'ExternalIds' ? externalIds : kind.rules[name];
    if (!rule) throw invalid(`${name}: no such attribute`);
    rule.check(value, name);
  }
  for (const name of kind.required) if (kept[name] === undefined) throw invalid(`${name}: required`);
  const name = String(kept[kind.named]);
  if (reserved.includes(name.toLowerCase())) throw invalid(`${kind.named}: '${name}' is a reserved name`);
  return kept;
}

/** Attributes after the operations of UpdateUser or UpdateGroup: a path such as `name.givenName`; no value removes. */
export function updated(kind: Kind, attributes: Attributes, operations: readonly Attributes[]): Attributes {
  if (operations.length < 1 || operations.length > 100) throw invalid(`Operations: ${operations.length} is not from 1 to 100`);
  const result: Record<string, unknown> = structuredClone(attributes);
  for (const operation of operations) {
    const path = operation.AttributePath;
    if (typeof path !== 'string' || !/^\p{L}+(\.\p{L}+){0,2}$/u.test(path))
      throw invalid(`AttributePath: '${path}' is not a path such as name.givenName`);
    const [name = '', member, deeper] = path.split('.').map(capital);
    const value = operation.AttributeValue === null ? undefined : capitalized(operation.AttributeValue);
    if (deeper !== undefined || (member !== undefined && name !== 'Name'))
      throw invalid(`AttributePath: '${path}' cannot be updated; give the whole attribute`);
    if (member === undefined) result[name] = value;
    else {
      const parent = { ...(isRecord(result[name]) ? result[name] : {}), [member]: value };
      result[name] = Object.fromEntries(Object.entries(parent).filter(([, one]) => one !== undefined));
    }
  }
  return checked(kind, result);
}

/**
 * What no two users (or groups) of a store may share, each as one text. User names and e-mail addresses are compared without case,
 * as sign-in does.
 */
export function uniqueKeys(kind: Kind, attributes: Attributes): string[] {
  const external = (Array.isArray(attributes.ExternalIds) ? attributes.ExternalIds : []) as { Issuer: string; Id: string }[];
  const emails = (Array.isArray(attributes.Emails) ? attributes.Emails : []) as { Value?: string }[];
  return [
    uniqueKey(kind.named, attributes[kind.named]),
    ...emails.flatMap((email) => (email.Value ? [uniqueKey('Emails.Value', email.Value)] : [])),
    ...external.map((id) => externalKey(id.Issuer, id.Id)),
  ];
}

export const uniqueKey = (path: string, value: unknown): string => JSON.stringify([path.toLowerCase(), String(value).toLowerCase()]);
export const externalKey = (issuer: string, id: string): string => JSON.stringify(['externalId', issuer, id]);
