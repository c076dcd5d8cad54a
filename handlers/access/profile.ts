/** What a target is told of a person, from the attributes of the directory. */
import { firstValue, type ObjectRow } from '../directory/mirror.ts';
import { type Profile, type ProfileAttribute, profileAttributes } from './grants.ts';

/** The directory attribute of each attribute of a profile, where it is not the default. */
export type AttributeNames = { readonly [Name in ProfileAttribute]?: string | undefined };

/** Those of every target. What is not among them is told only where a target's settings name an attribute. */
const standard: AttributeNames = {
  userName: 'userPrincipalName',
  displayName: 'displayName',
  givenName: 'givenName',
  familyName: 'sn',
  email: 'mail',
};

/**
 * A person's profile. Identity Center needs a user name, a display name and both names of a person; AD needs none but the account name, so
 * that one stands in for what is missing.
 */
export function profileOf(principal: ObjectRow, names: AttributeNames = {}): Profile {
  const read = (attribute: ProfileAttribute) => {
    const name = names[attribute] ?? standard[attribute];
    return name === undefined ? undefined : textOf(principal, name);
  };
  const account = textOf(principal, 'sAMAccountName') ?? principal.guid;
  const displayName = read('displayName') ?? textOf(principal, 'displayName') ?? textOf(principal, 'name') ?? account;
  const needed = {
    userName: read('userName') ?? textOf(principal, 'userPrincipalName') ?? `${account}@${principal.domain}`,
    displayName,
    givenName: read('givenName') ?? displayName,
    familyName: read('familyName') ?? displayName,
  };
  const others = profileAttributes
    .filter((attribute) => !Object.hasOwn(needed, attribute))
    .map((attribute) => [attribute, read(attribute)]);
  return { ...needed, ...Object.fromEntries(others.filter(([, value]) => value !== undefined)) };
}

/** The first value that says something. Names of attributes are the same in any case (RFC 4512 section 2.5). */
function textOf(row: ObjectRow, attribute: string): string | undefined {
  const exact = firstValue(row, attribute);
  const lower = attribute.toLowerCase();
  const value = exact ?? Object.entries(row.attributes).find(([name]) => name.toLowerCase() === lower)?.[1][0];
  return value === undefined || value.trim() === '' ? undefined : value;
}
