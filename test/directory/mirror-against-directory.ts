/** What a mirror shows against what an independent read of the directory shows. */
import { capturedFilter, mirroredAttributes, securityDescriptorText } from '../../handlers/directory/directory-source.ts';
import { isAccount, isEdgeRow, isObjectRow, type MirrorRow } from '../../handlers/directory/mirror.ts';
import type { DomainController } from '../../sandbox/domain-controller/index.ts';
import { readDirectory } from './directory-read.ts';

/** Everything that both have to say: lines, so that a difference is one line. */
export interface Shown {
  readonly objects: readonly string[];
  readonly memberships: readonly string[];
  /** GUIDs of accounts that are expired. */
  readonly expired: readonly string[];
}

/** What only one of them shows. */
export function differences(mirror: Shown, directory: Shown): string[] {
  return (['objects', 'memberships', 'expired'] as const).flatMap((key) => {
    const [shown, read] = [new Set(mirror[key]), new Set(directory[key])];
    const missing = directory[key].filter((line) => !shown.has(line)).map((line) => `the mirror lacks of ${key}: ${line}`);
    return [...missing, ...mirror[key].filter((line) => !read.has(line)).map((line) => `the mirror alone shows of ${key}: ${line}`)];
  });
}

/** @param at when the last poll looked at the clock, epoch ms */
export async function shownByDirectory(controller: DomainController, extra: readonly string[], at: number): Promise<Shown> {
  const names = mirroredAttributes(extra).filter((name) => name !== securityDescriptorText);
  const directory = await readDirectory(controller, names);
  const captured = [...capturedFilter.matchAll(/objectClass=([^)]+)/g)].map(([, name = '']) => name.toLowerCase()).filter(isCompared);
  const objects = [...directory.values()].filter(({ classes }) => captured.some((name) => classes.has(name)));
  const expired = objects.filter(({ classes, attributes }) => {
    const ticks = BigInt(attributes.accountExpires?.[0] ?? 0);
    // 0 and 0x7FFFFFFFFFFFFFFF: never (MS-ADA1 section 2.1).
    return classes.has('user') && ticks !== 0n && ticks < 2n ** 63n - 1n && ticks / 10_000n - 11_644_473_600_000n <= BigInt(at);
  });
  const memberships = objects.flatMap(({ guid, members, primaryGroup }) => [
    ...members.map((member) => `${member} in ${guid} by member`),
    ...(primaryGroup === undefined ? [] : [`${guid} in ${primaryGroup} by primaryGroupID`]),
  ]);
  return {
    objects: objects.map(({ guid, sid, dn, attributes }) => objectLine(guid, sid, dn, attributes)).sort(),
    memberships: memberships.sort(),
    expired: expired.map(({ guid }) => guid).sort(),
  };
}

export function shownByMirror(rows: readonly MirrorRow[]): Shown {
  const objects = rows.filter(isObjectRow).filter(({ deleted, type }) => !deleted && isCompared(type.toLowerCase()));
  const edges = rows.filter(isEdgeRow).filter(({ present }) => present);
  return {
    objects: objects.map(({ guid, sid, dn, attributes }) => objectLine(guid, sid, dn, attributes)).sort(),
    memberships: edges
      .flatMap(({ member, group, direct, primary }) => [
        ...(direct ? [`${member.guid} in ${group.guid} by member`] : []),
        ...(primary ? [`${member.guid} in ${group.guid} by primaryGroupID`] : []),
      ])
      .sort(),
    expired: objects
      .filter((row) => isAccount(row) && row.expired)
      .map(({ guid }) => guid)
      .sort(),
  };
}

/**
 * Of foreign security principals an ordinary account may read the public attributes alone, and Samba then leaves them out of DirSync (AD does
 * not, for an account with the replication right: MS-ADTS section 3.1.1.3.4.1.3).
 */
const isCompared = (name: string): boolean => name !== 'foreignsecurityprincipal';

/** Values have no order; a security descriptor is in no plain search. */
function objectLine(guid: string, sid: string | undefined, dn: string, attributes: Readonly<Record<string, readonly string[]>>): string {
  const values = Object.entries(attributes)
    .filter(([name]) => name !== securityDescriptorText)
    .map(([name, list]) => [name, [...list].sort()] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify({ guid, sid, dn, ...Object.fromEntries(values) });
}
