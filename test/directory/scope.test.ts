import fc from 'fast-check';
import type { Client } from 'ldapts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { attributeProblem } from '../../handlers/directory/attribute-names.ts';
import { parseDistinguishedName } from '../../handlers/directory/distinguished-name.ts';
import { isInScope, parseScope, type Scope, type ScopedObject, scopeAttributes, scopeGroups } from '../../handlers/directory/scope.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { type DomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';
import { administratorClient } from '../../sandbox/domain-controller/population.ts';

const base = 'DC=corp,DC=example,DC=com';
const people = `OU=People,${base}`;
const guid = '0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0';
const staffSid = 'S-1-5-21-1-2-3-1104';
const staff = { guid, sid: staffSid, dn: `CN=Staff,OU=Groups,${base}` };

const person = (over: Partial<ScopedObject> = {}): ScopedObject => ({ dn: `CN=Ada,${people}`, attributes: {}, groups: [], ...over });
const filtered = (filter: string, attributes: ScopedObject['attributes']): boolean =>
  isInScope(parseScope({ include: { filter } }), person({ attributes }));

function refusal(value: unknown): string {
  try {
    parseScope(value);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error(`not refused: ${JSON.stringify(value)}`);
}

describe('include and exclude', () => {
  const inPeople = { organizationalUnits: [people] };
  const test1 = { filter: '(employeeType=test)' };

  test.each<[string, unknown, boolean, boolean]>([
    ['nothing', {}, true, true],
    ['an include', { include: inPeople }, true, false],
    ['an exclude', { exclude: inPeople }, false, true],
    ['both, where exclude wins', { include: inPeople, exclude: inPeople }, false, false],
    ['an include of which one part fits', { include: { ...inPeople, ...test1 } }, true, false],
    ['an exclude of which no part fits', { exclude: { ...test1, groups: [staffSid] } }, true, true],
  ])('GIVEN %s THEN people and the others are in or out', (_, value, ada, printer) => {
    const scope = parseScope(value);
    expect(isInScope(scope, person())).toBe(ada);
    expect(isInScope(scope, person({ dn: `CN=Printer,OU=Devices,${base}` }))).toBe(printer);
  });

  test('GIVEN two scopes asked in turn THEN each answers for itself', () => {
    const [one, other] = ['(cn=a)', '(cn=b)'].map((filter): Scope => parseScope({ include: { filter } }));
    const object = person({ attributes: { cn: ['a'] } });
    expect([one, other, one].map((scope) => scope !== undefined && isInScope(scope, object))).toEqual([true, false, true]);
  });
});

describe('organizational units', () => {
  test.each([
    [`CN=Ada,${people}`, true],
    [`CN=Ada,OU=Paris,${people}`, true],
    ['cn=ada,ou=  people , dc=CORP,dc=example,DC=com', true],
    [`CN=Ada,OU=P\\65ople,${base}`, true],
    [people, true],
    [base, false],
    [`CN=Ada,OU=NoPeople,${base}`, false],
    ['CN=Ada,OU=People,DC=other,DC=example,DC=com', false],
    ['OU=People', false],
    ['', false],
    // One relative name with two attributes is not two names.
    [`CN=Ada+OU=People,${base}`, false],
    [`CN=Ada\\2C${people.replaceAll(',', '\\,')}`, false],
    [`CN=Ada\\0ADEL:${guid},CN=Deleted Objects,${base}`, false],
  ])('WHEN the object is %s THEN below People is %s', (dn, below) => {
    expect(isInScope(parseScope({ include: { organizationalUnits: [people] } }), person({ dn }))).toBe(below);
  });

  test('GIVEN any two names THEN one lies below the other exactly when its relative names end with those of the other', () => {
    const value = fc.constantFrom('a', 'A', 'b', 'a b', '"]],[["ou","a', ',', '[', '\\', 'OU=a');
    const escaped = (text: string) => text.replace(/[,\\"+]/g, (character) => `\\${character}`);
    const name = fc
      .array(fc.tuple(fc.constantFrom('ou', 'OU', 'cn'), value), { minLength: 1, maxLength: 4 })
      .map((parts) => parts.map(([type, text]) => `${type}=${escaped(text)}`).join(','));
    const parts = (dn: string) => parseDistinguishedName(dn).map((one) => JSON.stringify(one).toLowerCase());
    fc.assert(
      fc.property(name, name, fc.boolean(), (unit, other, child) => {
        const dn = child ? `${other},${unit}` : other;
        const [short, long] = [parts(unit), parts(dn)];
        const below = short.length <= long.length && short.every((part, index) => part === long[long.length - short.length + index]);
        expect(isInScope(parseScope({ include: { organizationalUnits: [unit] } }), person({ dn }))).toBe(below);
      }),
    );
  });
});

describe('groups', () => {
  test.each([
    [staffSid, true],
    [staffSid.toLowerCase(), true],
    [staff.dn, true],
    ['cn=STAFF, ou=groups,dc=corp,dc=example,dc=com', true],
    ['S-1-5-21-1-2-3-110', false],
    [`CN=Staff,${people}`, false],
  ])('WHEN the scope names %s THEN a direct member of Staff fits: %s', (group, fits) => {
    const scope = parseScope({ include: { groups: [group] } });
    expect(isInScope(scope, person({ groups: [staff] }))).toBe(fits);
    expect(isInScope(scope, person())).toBe(false);
  });

  test('WHEN the group has no SID THEN its name still selects it', () => {
    const group = { guid, dn: staff.dn };
    expect(isInScope(parseScope({ exclude: { groups: [staff.dn] } }), person({ groups: [group] }))).toBe(false);
    expect(isInScope(parseScope({ exclude: { groups: [staffSid] } }), person({ groups: [group] }))).toBe(true);
  });

  test('THEN the scope tells all groups it names, each once', () => {
    const scope = parseScope({ include: { groups: [staffSid, staff.dn] }, exclude: { groups: [staffSid] } });
    expect(scopeGroups(scope)).toEqual([staffSid, staff.dn]);
    expect(scopeGroups({})).toEqual([]);
  });
});

describe('an LDAP filter', () => {
  const ada = {
    objectClass: ['top', 'person', 'user'],
    sAMAccountName: ['Ada'],
    description: ['Größe (M) * \\ x', 'second'],
    userAccountControl: ['514'],
    groupType: ['-2147483646'],
    logonHours: ['no number'],
    employeeNumber: ['007'],
    mail: [],
  };

  test.each([
    ['(sAMAccountName=ada)', true],
    ['(SAMACCOUNTNAME=ADA)', true],
    ['(sAMAccountName~=ada)', true],
    ['(sAMAccountName=ad)', false],
    ['(objectClass=User)', true],
    ['(&(objectClass=user)(!(objectClass=computer)))', true],
    ['(|(objectClass=computer)(description=second))', true],
    // An attribute without a value: false, and therefore true when negated (RFC 4511 section 4.5.1.7, X.511 clause 7.8.2).
    ['(employeeType=test)', false],
    ['(!(employeeType=test))', true],
    ['(employeeType=*)', false],
    ['(!(mail=*))', true],
    ['(mail>=a)', false],
    ['(sAMAccountName=*)', true],
    ['(sAMAccountName=a*)', true],
    ['(sAMAccountName=*A)', true],
    ['(sAMAccountName=a*d*a)', true],
    // Pieces do not overlap.
    ['(sAMAccountName=ad*da)', false],
    ['(sAMAccountName=*d*d*)', false],
    ['(description=größe \\28m\\29 \\2a \\5c x)', true],
    ['(description=gr\\c3\\b6\\C3\\9fe*)', true],
    ['(description=*\\2a*)', true],
    ['(sAMAccountName=*\\2a*)', false],
    // Numbers as numbers where both are, else as text.
    ['(userAccountControl>=60)', true],
    ['(userAccountControl<=60)', false],
    ['(userAccountControl<=514)', true],
    ['(employeeNumber>=6)', true],
    ['(sAMAccountName>=AA)', true],
    ['(sAMAccountName<=aa)', false],
    ['(userAccountControl:1.2.840.113556.1.4.803:=2)', true],
    ['(userAccountControl:1.2.840.113556.1.4.803:=3)', false],
    ['(userAccountControl:1.2.840.113556.1.4.804:=3)', true],
    ['(userAccountControl:1.2.840.113556.1.4.804:=1)', false],
    ['(groupType:1.2.840.113556.1.4.803:=2147483648)', true],
    ['(groupType:1.2.840.113556.1.4.803:=-2147483648)', true],
    ['(groupType:1.2.840.113556.1.4.804:=12)', false],
    ['(!(employeeType:1.2.840.113556.1.4.803:=2))', true],
  ])('WHEN it is %s THEN Ada fits: %s', (filter, fits) => {
    expect(filtered(filter, ada)).toBe(fits);
  });

  test('WHEN a part is Undefined THEN it stays so when negated, and the rest decides where it can', () => {
    const unknown = '(logonHours:1.2.840.113556.1.4.803:=1)';
    const [yes, no] = ['(objectClass=user)', '(objectClass=computer)'];
    const verdicts = [
      unknown,
      `(!${unknown})`,
      `(&${unknown}${yes})`,
      `(|${unknown}${yes})`,
      `(!(&${unknown}${no}))`,
      `(!(|${unknown}${no}))`,
    ];
    expect(verdicts.map((filter) => filtered(filter, ada))).toEqual([false, false, false, true, true, false]);
    // One value that is a number decides, another that is none does not.
    expect(filtered(unknown, { logonHours: ['x', '1'] })).toBe(true);
  });

  test('THEN the attributes it reads are told, each once, for capture to ask for', () => {
    const scope = parseScope({
      include: { filter: '(&(employeeType=a*)(!(department=x))(info:1.2.840.113556.1.4.803:=1))' },
      exclude: { filter: '(|(EMPLOYEETYPE>=3)(title=*)(company~=x))' },
    });
    expect(scopeAttributes(scope).map((name) => name.toLowerCase())).toEqual(['employeetype', 'company', 'department', 'info', 'title']);
    expect(scopeAttributes({})).toEqual([]);
  });

  test('WHEN an attribute is named like a member of every object THEN it has no value', () => {
    expect(filtered('(constructor=*)', {})).toBe(false);
    expect(filtered('(toString=*)', {})).toBe(false);
  });
});

describe('a wrong scope', () => {
  test.each([
    '',
    'employeeType=test',
    '(employeeType=test',
    '(employeeType=test))',
    '(&(a=b)',
    '(&(a=b)(c=d)',
    '(!(a=b)',
    '(&(!(a=b)x)',
    '(a=b)(c=d)',
    '(&)',
    '(!a=b)',
    '(a=b\\zz)',
    '(a=b\\4)',
    '(a=\\ff)',
    '(a=b(c)',
    '(a>=b*)',
    '( a=b)',
    '(a b=c)',
    '(=x)',
    '(a)',
    '(member;range=0-1=x)',
  ])('fails for the filter %j, which RFC 4515 does not know', (filter) => {
    expect(refusal({ exclude: { filter } })).toMatch(/^scope is wrong: exclude\.filter is no LDAP filter \(RFC 4515\): /);
  });

  test.each([
    ['(memberOf=CN=Staff,DC=example,DC=com)', /names "memberOf", which .* a scope has groups/],
    ['(!(MEMBEROF=*))', /names "MEMBEROF", which .* a scope has groups/],
    ['(memberOf:1.2.840.113556.1.4.1941:=CN=Staff)', /"1\.2\.840\.113556\.1\.4\.1941": .*for members use groups/],
    ['(cn:caseExactMatch:=Ada)', /has the matching rule "caseExactMatch"/],
    ['(cn:=Ada)', /has the matching rule ""/],
    ['(ou:dn:=People)', /has the matching rule "dn:"/],
    ['(:1.2.840.113556.1.4.803:=2)', /names "", which is no attribute name/],
    ['(userAccountControl:1.2.840.113556.1.4.803:=0x2)', /compares bits with "0x2": give a decimal integer/],
    ['(&(objectCategory=person)(cn=a))', /names "objectCategory", which .*use objectClass/],
    ['(distinguishedName=*,OU=People)', /names "distinguishedName", which .*organizationalUnits/],
    ['(tokenGroups=x)', /names "tokenGroups", which .* groups/],
    ['(anr=ada)', /names "anr", which is not sent by DirSync/],
    ['(lastLogon>=1)', /names "lastLogon", which .*name lastLogonTimestamp/],
    ['(unicodePwd=*)', /names "unicodePwd", which holds a secret/],
    ['(MS-MCS-ADMPWD=*)', /which holds a secret/],
    ['(2a=b)', /names "2a", which is no attribute name/],
  ])('fails for the filter %s with the piece and the remedy', (filter, message) => {
    expect(refusal({ include: { filter } })).toMatch(message);
  });

  test.each([
    [{ include: {} }, /include names nothing: give organizationalUnits, groups or filter/],
    [{ include: { groups: [] } }, /include\.groups is an empty list: leave it out/],
    [{ exclude: { organizationalUnits: ['People'] } }, /exclude\.organizationalUnits\.0 is no distinguished name .*got "People"/],
    [{ exclude: { organizationalUnits: [''] } }, /is no distinguished name/],
    [{ include: { groups: ['Staff'] } }, /include\.groups\.0 is neither a SID .* nor a distinguished name .*got "Staff"/],
    [{ includes: {} }, /includes/],
    [{ include: { ou: [people] } }, /include\.ou/],
    ['everything', /got "everything"/],
    [null, /got null/],
  ])('fails for %j', (value, message) => {
    expect(refusal(value)).toMatch(message);
  });

  test('fails for a filter of endless length', () => {
    expect(refusal({ include: { filter: `(cn=${'a'.repeat(2048)})` } })).toMatch(/longer than 2,048 characters/);
  });

  test('fails for any text that is no filter with ConfigurationError, and with nothing else', () => {
    const piece = fc.constantFrom(
      '(',
      ')',
      '&',
      '|',
      '!',
      'cn',
      '=',
      '*',
      ':',
      '\\',
      '\\2a',
      '>=',
      'dn',
      ' ',
      'ö',
      '1.2.840.113556.1.4.803',
      '\0',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 14 }).map((parts) => parts.join('')),
        ),
        (filter) => {
          try {
            isInScope(parseScope({ include: { filter } }), person({ attributes: { cn: ['x'] } }));
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigurationError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('a real domain controller answers the same', () => {
  let controller: DomainController;
  let admin: Client;
  let usersDn: string;
  let objects: { readonly name: string; readonly attributes: Record<string, string[]> }[];

  beforeAll(async () => {
    controller = await startDomainController();
    admin = await administratorClient(controller);
    usersDn = `OU=People,${controller.baseDn}`;
    await admin.add(usersDn, { objectClass: ['top', 'organizationalUnit'] });
    const users: Record<string, string>[] = [
      {},
      { employeeType: 'staff', title: 'Head', employeeNumber: '7' },
      { employeeType: 'Test', title: 'head of tests', employeeNumber: '70', description: 'a*b' },
      { employeeType: 'test', description: 'Größe (M)', userAccountControl: '66050' },
      { employeeType: 'contractor', title: 'test', countryCode: '40', userAccountControl: '66082' },
      { title: 'a', countryCode: '756', description: 'back\\slash' },
    ];
    for (const [index, attributes] of users.entries()) {
      await admin.add(`CN=u${index},${usersDn}`, {
        objectClass: ['top', 'person', 'organizationalPerson', 'user'],
        sAMAccountName: `u${index}`,
        userAccountControl: '514',
        ...attributes,
      });
    }
    for (const [index, groupType] of ['-2147483646', '-2147483644', '2', '-2147483640'].entries())
      await admin.add(`CN=g${index},${usersDn}`, { objectClass: ['top', 'group'], sAMAccountName: `g${index}`, groupType });
    const { searchEntries } = await admin.search(usersDn, { scope: 'one', attributes: ['*'] });
    objects = searchEntries.map(({ dn: _, ...entry }) => ({
      name: String(entry.cn),
      attributes: Object.fromEntries(
        Object.entries(entry).map(([name, values]) => [name, (Array.isArray(values) ? values : [values]).map(String)]),
      ),
    }));
    expect(objects).toHaveLength(10);
  });

  afterAll(async () => {
    await admin?.unbind();
    await controller?.stop();
  });

  async function answers(filter: string): Promise<{ here: string[]; there: string[] }> {
    // ldapts would send an escaped byte of UTF-8 as a character of its own.
    const sent = filter.replaceAll('\\c3\\b6', 'ö');
    const { searchEntries } = await admin.search(usersDn, { scope: 'one', filter: sent, attributes: ['cn'] });
    const here = objects.filter(({ attributes }) => filtered(filter, attributes)).map(({ name }) => name);
    return { here: here.sort(), there: searchEntries.map(({ cn }) => String(cn)).sort() };
  }

  // Without ~=, which Samba refuses to search by; AD takes it for = (MS-ADTS section 3.1.1.3.1.3.1).
  test('GIVEN random filters THEN the same objects fit', { timeout: 30_000 }, async () => {
    const item = fc.oneof(
      fc.tuple(
        fc.constantFrom('employeeType', 'title', 'description', 'sAMAccountName', 'department'),
        fc.constantFrom('=test', '=TEST', '=head', '=*', '=t*', '=*t', '=*e*t*', '=a\\2ab', '=gr\\c3\\b6*', '=h*e*s', '=*\\5c*', '=u3'),
      ),
      fc.tuple(
        fc.constantFrom('countryCode', 'userAccountControl', 'groupType'),
        fc.constantFrom('>=40', '<=40', '=756', '=*', '<=66050', '>=0'),
      ),
      fc.tuple(
        fc.constantFrom('userAccountControl', 'groupType', 'countryCode'),
        fc.constantFrom(':1.2.840.113556.1.4.803:', ':1.2.840.113556.1.4.804:'),
        fc.constantFrom('=2', '=34', '=65536', '=2147483648', '=-2147483648', '=0'),
      ),
      fc.tuple(fc.constant('objectClass'), fc.constantFrom('=user', '=Group', '=computer', '=*')),
    );
    const { filter } = fc.letrec<{ filter: string }>((tie) => ({
      filter: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        item.map((parts) => `(${parts.join('')})`),
        tie('filter').map((one) => `(!${one})`),
        fc
          .tuple(fc.constantFrom('&', '|'), fc.array(tie('filter'), { minLength: 1, maxLength: 3 }))
          .map(([sign, parts]) => `(${sign}${parts.join('')})`),
      ),
    }));
    let told = 0;
    await fc.assert(
      fc.asyncProperty(filter, async (one) => {
        const { here, there } = await answers(one);
        expect(here).toEqual(there);
        if (here.length > 0 && here.length < objects.length) told += 1;
      }),
      { numRuns: 300 },
    );
    expect(told).toBeGreaterThan(50);
  });

  test('THEN what its schema constructs, or keeps for itself, cannot be asked for, and the rest can', async () => {
    const own = '(&(objectClass=attributeSchema)(systemFlags:1.2.840.113556.1.4.804:=5))';
    const schema = `CN=Schema,CN=Configuration,${controller.baseDn}`;
    const { searchEntries } = await admin.search(schema, { scope: 'one', filter: own, attributes: ['lDAPDisplayName'], paged: true });
    const unsent = new Set(searchEntries.map((entry) => String(entry.lDAPDisplayName)));
    const names = [controller.administratorDn, `CN=DC1,OU=Domain Controllers,${controller.baseDn}`, usersDn, controller.baseDn];
    const allowed = new Set<string>();
    for (const dn of [...names, `CN=Domain Admins,CN=Users,${controller.baseDn}`]) {
      const found = await admin.search(dn, { scope: 'base', attributes: ['allowedAttributes'] });
      for (const name of (found.searchEntries[0]?.allowedAttributes ?? []) as string[]) allowed.add(name);
    }
    const refused = [...allowed].filter((name) => attributeProblem(name) !== undefined);
    const secretsAndTold = refused.filter((name) => !unsent.has(name));
    expect([...unsent].filter((name) => allowed.has(name)).length).toBeGreaterThan(100);
    expect([...allowed].filter((name) => unsent.has(name) && attributeProblem(name) === undefined)).toEqual([]);
    expect(
      secretsAndTold.filter(
        (name) =>
          !/pwd|password|credential|DPAPIMasterKeys$|^userPKCS12$|OwnerInformation$|^member$|^objectSid$|^nTSecurityDescriptor$|^(?:initial|trust)Auth/i.test(
            name,
          ),
      ),
    ).toEqual([]);
  });
});
