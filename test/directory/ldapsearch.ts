/** What OpenLDAP's `ldapsearch` reads of a directory, and what the mirror holds of it, both in one form: for an independent comparison. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capturedFilter, mirroredAttributes, securityDescriptorText } from '../../handlers/directory/directory-source.ts';
import { isEdgeRow, isObjectRow, type MirrorRow } from '../../handlers/directory/mirror.ts';
import { parseExtendedName } from '../../handlers/platform/object-identity.ts';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import type { DomainController } from '../../sandbox/domain-controller/index.ts';

/** Living objects and memberships by objectGUID. Values are sorted, attribute names in lower case. */
export interface Contents {
  readonly objects: Readonly<Record<string, { readonly dn: string; readonly attributes: Readonly<Record<string, readonly string[]>> }>>;
  /** GUIDs of each group's members, by a value of `member` and by primaryGroupID. */
  readonly members: Readonly<Record<string, { readonly direct: readonly string[]; readonly primary: readonly string[] }>>;
  /** GUIDs of whom each fine-grained password policy applies to. */
  readonly appliesTo: Readonly<Record<string, readonly string[]>>;
}

/** The attributes that both sides show; AdminSDHolder's descriptor is read in a way of its own. */
const compared = (extra: readonly string[]) => mirroredAttributes(extra).filter((name) => name !== securityDescriptorText);

/** What the mirror says of a domain. */
export function mirrorContents(rows: readonly MirrorRow[], domain: string, extra: readonly string[] = []): Contents {
  const names = new Set(compared(extra).map((name) => name.toLowerCase()));
  const living = rows.filter(isObjectRow).filter((row) => row.domain === domain && !row.deleted && row.type !== 'foreignSecurityPrincipal');
  const edges = rows.filter(isEdgeRow).filter((edge) => edge.domain === domain && edge.present);
  const pairs = (way: 'direct' | 'primary') => edges.flatMap((edge) => (edge[way] ? [[edge.group.guid, edge.member.guid] as const] : []));
  return contents(
    living.map(({ guid, dn, attributes }) => ({
      guid,
      dn,
      values: Object.entries(attributes).flatMap(([name, values]) => (names.has(name.toLowerCase()) ? [[name.toLowerCase(), values]] : [])),
    })),
    { direct: pairs('direct'), primary: pairs('primary') },
    living.flatMap(({ guid, appliesTo = [] }) => appliesTo.map((text) => [guid, text.split(' ')[0] ?? ''] as const)),
  );
}

/**
 * What the directory says now, read by `ldapsearch` as the administrator. Foreign security principals are left out but as members: Samba's
 * DirSync shows them to administrators alone.
 *
 * @throws CommandFailedError when it cannot be read
 */
export async function directoryContents(controller: DomainController, extra: readonly string[] = []): Promise<Contents> {
  const names = compared(extra);
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const all = await ldapsearch(controller, [...names, 'objectClass', 'objectGUID', 'objectSid', 'member', 'msDS-PSOAppliesTo']);
  const entries = all.filter(({ values }) => !values.get('objectclass')?.includes('foreignSecurityPrincipal'));
  const bySid = new Map(entries.map(({ sid, guid }) => [sid, guid]));
  const links = (name: string) =>
    entries.flatMap(({ guid, values }) => (values.get(name) ?? []).map((text) => [guid, parseExtendedName(text).guid] as const));
  return contents(
    entries.map(({ guid, dn, values }) => ({
      guid,
      dn,
      values: [...values].flatMap(([name, list]) => (wanted.has(name) ? [[name, list.map(withoutIdentity)]] : [])),
    })),
    {
      direct: links('member'),
      primary: entries.flatMap(({ guid, sid, values }) => {
        const group = bySid.get(sid?.replace(/-\d+$/, `-${values.get('primarygroupid')?.[0]}`));
        return group === undefined || !values.has('primarygroupid') ? [] : [[group, guid] as const];
      }),
    },
    links('msds-psoappliesto'),
  );
}

type Pairs = readonly (readonly [from: string, to: string])[];
type Named = { readonly guid: string; readonly dn: string; readonly values: readonly (readonly [string, readonly string[]])[] };

function contents(objects: readonly Named[], { direct, primary }: { direct: Pairs; primary: Pairs }, appliesTo: Pairs): Contents {
  const targets = (pairs: Pairs, guid: string) => pairs.flatMap(([from, to]) => (from === guid ? to : [])).sort();
  const sources = (pairs: Pairs) => [...new Set(pairs.map(([from]) => from))];
  return {
    objects: Object.fromEntries(
      objects.map(({ guid, dn, values }) => [
        guid,
        { dn, attributes: Object.fromEntries(values.map(([name, list]) => [name, [...list].sort()])) },
      ]),
    ),
    members: Object.fromEntries(
      sources([...direct, ...primary]).map((guid) => [guid, { direct: targets(direct, guid), primary: targets(primary, guid) }]),
    ),
    appliesTo: Object.fromEntries(sources(appliesTo).map((guid) => [guid, targets(appliesTo, guid)])),
  };
}

/** `<GUID=…>;<SID=…>;CN=Ada` → `CN=Ada` */
const withoutIdentity = (text: string): string => text.replace(/^(?:<(?:GUID|SID)=[^>]*>;)+/i, '');

interface LdifEntry {
  readonly guid: string;
  readonly sid: string | undefined;
  readonly dn: string;
  /** By attribute name in lower case. */
  readonly values: ReadonlyMap<string, readonly string[]>;
}

async function ldapsearch(controller: DomainController, attributes: readonly string[]): Promise<readonly LdifEntry[]> {
  // The password goes through a file, so that no process list shows it.
  const folder = await mkdtemp(join(tmpdir(), 'ldapsearch-'));
  try {
    const password = join(folder, 'password');
    await writeFile(password, controller.administratorPassword, { mode: 0o600 });
    const ldif = await runCommand(
      'ldapsearch',
      [
        ...['-LLL', '-o', 'ldif_wrap=no', '-x', '-H', controller.ldapsUrl, '-D', controller.administratorDn, '-y', password],
        ...['-b', controller.baseDn, '-s', 'sub', '-E', 'pr=1000/noprompt', '-E', '!extendedDn=1', capturedFilter, ...attributes],
      ],
      { variables: { LDAPTLS_CACERT: controller.caFile, LDAPTLS_REQCERT: 'demand' } },
    );
    return ldif.split(/\n\n+/).flatMap(ldifEntry);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** RFC 2849: `name: text` or `name:: base64`, an entry begins with its dn. */
function ldifEntry(text: string): readonly LdifEntry[] {
  const pairs = [...text.matchAll(/^([A-Za-z][\w;=*.-]*)(::?) ?(.*)$/gm)].map(
    ([, name = '', colons, value = '']) => [name.toLowerCase(), colons === '::' ? Buffer.from(value, 'base64').toString() : value] as const,
  );
  const [first] = pairs;
  if (first?.[0] !== 'dn') return [];
  const values = new Map<string, string[]>();
  for (const [name, value] of pairs.slice(1)) values.set(name, [...(values.get(name) ?? []), value]);
  return [{ ...parseExtendedName(first[1]), sid: parseExtendedName(first[1]).sid, values }];
}
