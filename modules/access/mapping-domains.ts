/**
 * Whose groups a mapping selects. A name or a pattern fits groups of any directory, and whoever administers one may call a group what they
 * like: where several directories are watched, a mapping says which of them it trusts.
 */
import type { GroupSelector } from '../../handlers/access/group-selector.ts';
import type { TargetedMapping } from '../../handlers/access/role-mapping.ts';
import { distinguishedNameKey, namingContextOf } from '../../handlers/directory/distinguished-name.ts';
import { WrongPropError } from '../platform/prop-checks.ts';

/**
 * The mappings with their `domains` filled in.
 *
 * @param domains DNS names of all watched directories
 * @throws WrongPropError for a mapping that names another one, or none where it has to
 */
export function withDomains(mappings: readonly TargetedMapping[], domains: readonly string[]): readonly TargetedMapping[] {
  const known = domains.map((name) => name.toLowerCase());
  return mappings.map((mapping, index) => {
    const at = `roleMappings.${index}`;
    const unknown = mapping.domains?.find((name) => !known.includes(name.toLowerCase()));
    if (unknown !== undefined) {
      throw new WrongPropError(`${at}.domains names "${unknown}", which no directory has: name one or more of ${domains.join(', ')}`);
    }
    const lying = containerOf(mapping.group);
    const possible = lying === undefined ? domains : domains.filter((name) => isBelow(lying, name));
    if (possible.length === 0) {
      throw new WrongPropError(`${at}.group lies in "${lying}", which no directory has: give a name below one of ${domains.join(', ')}`);
    }
    if (mapping.domains === undefined && possible.length > 1) {
      throw new WrongPropError(
        `${at}.domains is left out, and a group of each directory may be meant: name one or more of ${domains.join(', ')}`,
      );
    }
    return { ...mapping, domains: mapping.domains ?? possible };
  });
}

const containerOf = (group: GroupSelector): string | undefined => ('dn' in group ? group.dn : 'within' in group ? group.within : undefined);

/** The nearest domain above counts: `DC=sales,DC=corp,…` lies below `DC=corp,…` in name, but in another directory. */
function isBelow(dn: string, domain: string): boolean {
  const parts: readonly string[] = JSON.parse(distinguishedNameKey(dn)).map((part: unknown) => JSON.stringify(part));
  const isDomain = (part: string | undefined) => part?.startsWith('[["dc",') ?? false;
  const context = parts.slice(parts.findLastIndex((part) => !isDomain(part)) + 1);
  return (
    context.join() ===
    JSON.parse(distinguishedNameKey(namingContextOf(domain)))
      .map((part: unknown) => JSON.stringify(part))
      .join()
  );
}
