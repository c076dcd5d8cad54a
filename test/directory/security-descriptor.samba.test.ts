/** Security descriptors of a real domain controller, read here and by Samba's own code, which also has to understand our text. */
import { type BerWriter, type Client, Control } from 'ldapts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sddlText } from '../../handlers/directory/security-descriptor.ts';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import { type DomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';
import { administratorClient, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';

/** LDAP_SERVER_SD_FLAGS_OID with owner, group and DACL (MS-ADTS section 3.1.1.3.4.1.11): SEQUENCE { INTEGER 7 }. */
class OwnerGroupAndAccessList extends Control {
  constructor() {
    super('1.2.840.113556.1.4.801', { critical: true });
  }

  protected override writeControl(writer: BerWriter): void {
    writer.writeBuffer(Buffer.from('3003020107', 'hex'), 0x04);
  }
}

interface Reading {
  readonly owner: string;
  readonly group: string;
  readonly control: number;
  /** Type, flags, mask, object type, inherited type, SID. */
  readonly aces: readonly (readonly [number, number, number, string, string, string])[];
  /** SDDL of the bytes, and of the text written here when Samba parses it: both from the same writer, so aliases are the same. */
  readonly sddl: string;
  readonly again: string;
}

const samba = `
import base64, json, sys
from samba.dcerpc import security
from samba.ndr import ndr_unpack
given = json.load(sys.stdin)
domain = security.dom_sid(given['domain'])
def ace(one):
    kind = getattr(one.object, 'flags', 0) if one.type in (5, 6, 7, 8) else 0
    return [one.type, one.flags, one.access_mask & 0xffffffff, str(one.object.type) if kind & 1 else '',
            str(one.object.inherited_type) if kind & 2 else '', str(one.trustee)]
def read(one):
    whole = ndr_unpack(security.descriptor, base64.b64decode(one['bytes']))
    return {'owner': str(whole.owner_sid), 'group': str(whole.group_sid), 'control': whole.type,
            'aces': [ace(entry) for entry in whole.dacl.aces],
            'sddl': whole.as_sddl(domain), 'again': security.descriptor.from_sddl(one['text'], domain).as_sddl(domain)}
json.dump([read(one) for one in given['descriptors']], sys.stdout)
`;

let controller: DomainController;
let admin: Client;

beforeAll(async () => {
  controller = await startDomainController();
  admin = await administratorClient(controller);
});

afterAll(async () => {
  await admin?.unbind();
  await controller?.stop();
});

async function descriptorOf(dn: string): Promise<Buffer> {
  const { searchEntries } = await admin.search(
    dn,
    { scope: 'base', attributes: ['nTSecurityDescriptor'], explicitBufferAttributes: ['nTSecurityDescriptor'] },
    [new OwnerGroupAndAccessList()],
  );
  return searchEntries[0]?.nTSecurityDescriptor as Buffer;
}

/** The domain's SID, from a group whose last number is known: Domain Admins, 512. */
async function domainSid(): Promise<string> {
  const text = sddlText(await descriptorOf(controller.baseDn));
  const sid = /(S-1-5-21-\d+-\d+-\d+)-512/.exec(text)?.[1];
  if (sid === undefined) throw new Error(`no Domain Admins in ${text}`);
  return sid;
}

const typeLetters: Readonly<Record<string, number>> = { A: 0, D: 1, AU: 2, OA: 5, OD: 6, OU: 7 };
const flagBits: Readonly<Record<string, number>> = { OI: 1, CI: 2, NP: 4, IO: 8, ID: 16, SA: 64, FA: 128 };
/** MS-ADTS section 5.1.3.2, written down a second time on purpose. */
const rightBits: Readonly<Record<string, number>> = {
  ...{ CC: 2 ** 0, DC: 2 ** 1, LC: 2 ** 2, SW: 2 ** 3, RP: 2 ** 4, WP: 2 ** 5, DT: 2 ** 6, LO: 2 ** 7, CR: 2 ** 8 },
  ...{ SD: 2 ** 16, RC: 2 ** 17, WD: 2 ** 18, WO: 2 ** 19, GA: 2 ** 28, GX: 2 ** 29, GW: 2 ** 30, GR: 2 ** 31 },
};
const sum = (letters: string, bits: Readonly<Record<string, number>>): number =>
  letters.startsWith('0x') ? Number(letters) : (letters.match(/../g) ?? []).reduce((total, pair) => total + (bits[pair] ?? Number.NaN), 0);

function parse(sddl: string): Pick<Reading, 'owner' | 'group' | 'aces'> & { readonly flags: string } {
  const [, owner = '', group = '', flags = '', list = ''] = /^O:(S-[\d-]+)G:(S-[\d-]+)D:([A-Z]*)((?:\([^()]+\))*)$/.exec(sddl) ?? [];
  const aces = [...list.matchAll(/\(([^;]*);([^;]*);([^;]*);([^;]*);([^;]*);([^;)]*)\)/g)].map(
    ([, type = '', aceFlags = '', mask = '', objectType = '', inheritedType = '', sid = '']) =>
      [typeLetters[type] ?? -1, sum(aceFlags, flagBits), sum(mask, rightBits), objectType, inheritedType, sid] as const,
  );
  return { owner, group, flags, aces };
}

test('GIVEN the domain, AdminSDHolder, containers, users and groups THEN the text says what Samba reads from the same bytes', async () => {
  const base = controller.baseDn;
  const people = `OU=People,${base}`;
  await admin.add(people, { objectClass: ['top', 'organizationalUnit'] });
  const sid = await domainSid();
  const user = await createUser(admin, people, 'Ada Example');
  const group = await createGroup(admin, people, 'Readers');
  // What the connector's own set-up grants, and entries of every kind that the tables name.
  await controller.dsacl(
    user,
    `(OA;;CR;00299570-246d-11d0-a768-00aa006e0529;;${sid}-1104)(OD;CIIO;WP;bf967a0a-0de6-11d0-a285-00aa003049e2;bf967aba-0de6-11d0-a285-00aa003049e2;${sid}-513)` +
      `(D;OICINP;0x20211;;;${sid}-514)(A;CIIO;GRGX;;;WD)(A;CIIO;GW;;;AU)(A;CIIO;GXGA;;;BA)`,
  );
  const names = [
    `CN=AdminSDHolder,CN=System,${base}`,
    base,
    `CN=Users,${base}`,
    people,
    user,
    group,
    controller.administratorDn,
    `CN=Domain Admins,CN=Users,${base}`,
    `CN=Policies,CN=System,${base}`,
    `OU=Domain Controllers,${base}`,
  ];
  const descriptors = await Promise.all(
    names.map(async (name) => {
      const bytes = await descriptorOf(name);
      return { name, bytes, text: sddlText(bytes) };
    }),
  );
  const input = { domain: sid, descriptors: descriptors.map(({ bytes, text }) => ({ bytes: bytes.toString('base64'), text })) };
  const readings: Reading[] = JSON.parse(await runCommand('/usr/bin/python3', ['-c', samba], { input: JSON.stringify(input) }));

  expect(readings).toHaveLength(names.length);
  readings.forEach((reading, index) => {
    const { name = '', text = '' } = descriptors[index] ?? {};
    const { owner, group: primary, flags, aces } = parse(text);
    expect({ name, owner, group: primary, aces }).toEqual({ name, owner: reading.owner, group: reading.group, aces: reading.aces });
    expect(aces.length, name).toBeGreaterThan(0);
    const control = [0x1000, 0x100, 0x400].map((bit) => (reading.control & bit) !== 0);
    expect([/^P/.test(flags), /AR/.test(flags), /AI/.test(flags)], name).toEqual(control);
    expect(reading.again, name).toBe(reading.sddl);
  });
  // The entries granted above are among them, so each kind was compared.
  const granted = parse(descriptors.find(({ name }) => name === user)?.text ?? '').aces;
  expect(new Set(granted.map(([type]) => type))).toEqual(new Set([0, 1, 5, 6]));
  expect(granted.map(([, , mask]) => mask)).toContain(0x20211);
});
