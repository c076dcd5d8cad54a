/** An independent read of a directory, by OpenLDAP's `ldapsearch`: a plain paged search, none of the code that change capture reads with. */
import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import type { DomainController } from '../../sandbox/domain-controller/index.ts';

/** One LDIF record. Names of attributes are in lower case. */
interface Entry {
  readonly dn: string;
  readonly values: ReadonlyMap<string, readonly Buffer[]>;
}

/** A living object as a plain search shows it. */
export interface ReadObject {
  readonly guid: string;
  readonly sid: string | undefined;
  readonly dn: string;
  /** objectClass, lower case. */
  readonly classes: ReadonlySet<string>;
  /** Those asked for that have values, as asked for. */
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  /** Of a group: GUIDs of its direct members. */
  readonly members: readonly string[];
  /** Of an account: GUID of its primary group. */
  readonly primaryGroup: string | undefined;
}

/** Every living object of the domain, by GUID, read as its administrator. @throws Error when ldapsearch fails or a name leads nowhere */
export async function readDirectory(controller: DomainController, attributes: readonly string[]): Promise<ReadonlyMap<string, ReadObject>> {
  const password = join(tmpdir(), `directory-read-${randomUUID()}`);
  await writeFile(password, controller.administratorPassword, { mode: 0o600 });
  try {
    const connection = ['-x', '-H', controller.ldapsUrl, '-D', controller.administratorDn, '-y', password];
    const search = ['-LLL', '-o', 'ldif-wrap=no', '-E', 'pr=500/noprompt', '-b', controller.baseDn, '-s', 'sub', '(objectClass=*)'];
    const asked = ['objectGUID', 'objectSid', 'objectClass', 'member', 'primaryGroupID', ...attributes];
    const variables = { LDAPTLS_CACERT: controller.caFile, LDAPTLS_REQCERT: 'demand' };
    return objectsOf(parseLdif(await runCommand('ldapsearch', [...connection, ...search, ...asked], { variables })), attributes);
  } finally {
    await rm(password);
  }
}

/** Records of LDIF (RFC 2849): `name: text` and `name:: base64`, one attribute value a line; comments name referrals. */
export function parseLdif(ldif: string): readonly Entry[] {
  return ldif.split(/\n\n+/).flatMap((record) => {
    const values = new Map<string, Buffer[]>();
    let dn: string | undefined;
    for (const line of record.split('\n')) {
      if (line === '' || line.startsWith('#')) continue;
      const [, name = '', encoded, text = ''] = /^([^:]+):(:?) ?(.*)$/.exec(line) ?? [];
      if (name === '') throw new Error(`not a line of LDIF: ${JSON.stringify(line)}`);
      // A list in ranges (MS-ADTS section 3.1.1.3.1.3.3) would be a part read as the whole.
      if (name.includes(';')) throw new Error(`attribute "${name}" comes with an option: read it in ranges`);
      const value = Buffer.from(text, encoded ? 'base64' : 'utf8');
      if (name === 'dn') dn = value.toString();
      else values.set(name.toLowerCase(), [...(values.get(name.toLowerCase()) ?? []), value]);
    }
    return dn === undefined ? [] : [{ dn, values }];
  });
}

function objectsOf(entries: readonly Entry[], attributes: readonly string[]): ReadonlyMap<string, ReadObject> {
  const guids = new Map(entries.map((entry) => [entry.dn.toLowerCase(), guidOf(entry)]));
  const bySid = new Map(entries.map((entry) => [sidOf(entry), guidOf(entry)]));
  const leadTo = (guid: string | undefined, name: string): string => {
    if (guid === undefined) throw new Error(`"${name}" names no object that the search found`);
    return guid;
  };
  return new Map(
    entries.map((entry) => {
      const texts = (name: string) => (entry.values.get(name.toLowerCase()) ?? []).map(String);
      const sid = sidOf(entry);
      const primary = texts('primaryGroupID')[0];
      const primarySid = primary === undefined ? undefined : sid?.replace(/-\d+$/, `-${primary}`);
      const object: ReadObject = {
        guid: guidOf(entry),
        sid,
        dn: entry.dn,
        classes: new Set(texts('objectClass').map((name) => name.toLowerCase())),
        attributes: Object.fromEntries(attributes.map((name) => [name, texts(name)]).filter(([, values]) => values?.length)),
        members: texts('member').map((dn) => leadTo(guids.get(dn.toLowerCase()), dn)),
        primaryGroup: primarySid === undefined ? undefined : leadTo(bySid.get(primarySid), primarySid),
      };
      return [object.guid, object];
    }),
  );
}

/** objectGUID as text (MS-DTYP section 2.3.4.2). */
function guidOf({ dn, values }: Entry): string {
  const bytes = values.get('objectguid')?.[0];
  if (bytes?.length !== 16) throw new Error(`"${dn}" has no objectGUID`);
  const [first, second, third] = [bytes.readUInt32LE(0), bytes.readUInt16LE(4), bytes.readUInt16LE(6)];
  const rest = bytes.toString('hex', 8);
  const hex = (value: number, width: number) => value.toString(16).padStart(width, '0');
  return `${hex(first, 8)}-${hex(second, 4)}-${hex(third, 4)}-${rest.slice(0, 4)}-${rest.slice(4)}`;
}

/** objectSid as text (MS-DTYP section 2.4.2.1), of what has one. */
function sidOf({ values }: Entry): string | undefined {
  const bytes = values.get('objectsid')?.[0];
  if (bytes === undefined) return undefined;
  const parts = Array.from({ length: (bytes.length - 8) / 4 }, (_, index) => bytes.readUInt32LE(8 + 4 * index));
  return `S-${bytes[0]}-${[bytes.readUIntBE(2, 6), ...parts].join('-')}`;
}
