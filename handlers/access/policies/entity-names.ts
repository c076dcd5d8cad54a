/**
 * How policies name things. AD compares names without regard to case and Cedar compares them exactly, so everything that the directory
 * names is in lower case here, and a policy that writes it otherwise is refused: it would never match.
 */
import { isDistinguishedName, parseDistinguishedName } from '../../directory/distinguished-name.ts';
import { firstValue, type ObjectRow } from '../../directory/mirror.ts';

/** Kelvin, Ångström and ohm sign, and the theta symbol: in lower case they equal k, å, ω and θ, so another group's name could pass for one that a policy names. */
const lookAlike = /([\u212a\u212b\u2126\u03f4])/;

/** Text in lower case. The four signs that would become a letter stay what they are. */
export const folded = (text: string): string =>
  text
    .split(lookAlike)
    .map((part) => (lookAlike.test(part) ? part : part.toLowerCase()))
    .join('');

/** `User::"<objectGUID>@<domain>"`: a copied forest has the same GUIDs under another name. */
export const userId = ({ guid, domain }: ObjectRow): string => folded(`${guid}@${domain}`);

/** `Group::"<sAMAccountName>@<domain>"` and `Group::"S-1-5-…"`: the first reads well, the second outlives a rename. */
export function groupIds(row: ObjectRow): readonly string[] {
  const name = firstValue(row, 'sAMAccountName');
  return [...(name === undefined ? [] : [folded(`${name}@${row.domain}`)]), ...(row.sid === undefined ? [] : [row.sid])];
}

/** `Role::"<target>/<role>"`. */
export const roleId = ({ target, name }: { readonly target: string; readonly name: string }): string => `${target}/${folded(name)}`;

/** A distinguished name as policies write it: lower case, no space around "," and "=", RFC 4514 escapes. undefined for what is none. */
export function containerName(text: string): string | undefined {
  return isDistinguishedName(text) ? containerNames(`cn=x,${text}`)[0] : undefined;
}

/** All containers above an entry, the nearest first; none for what is no distinguished name. */
export function containerNames(dn: string): readonly string[] {
  if (!isDistinguishedName(dn)) return [];
  const names = parseDistinguishedName(dn).map((name) =>
    name
      .map(({ type, value }) => folded(`${type}=${escaped(value.trim().replace(/ +/g, ' '))}`))
      .sort()
      .join('+'),
  );
  return names.slice(1).map((_, index) => names.slice(index + 1).join(','));
}

/** RFC 4514 section 2.4. */
const escaped = (value: string): string => value.replace(/[\\",+;<>\0]|^[ #]|[ ]$/g, (sign) => (sign === '\0' ? '\\00' : `\\${sign}`));
