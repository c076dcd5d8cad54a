/** PolicyChanged: of the domain, fine-grained, group policy objects and their links, AdminSDHolder. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ada, bea, Polls } from './polls.ts';
import { base, changed, delta, objectOf, referenceTo, tombstone, unitObject } from './rows.ts';

const domainHead = objectOf('domain', 60, base, { minPwdLength: ['7'], lockoutThreshold: ['0'], maxPwdAge: ['-36288000000000'] });
const settings = `CN=Password Settings Container,CN=System,${base}`;
const strict = objectOf('passwordSettings', 61, `CN=Strict,${settings}`, { 'msDS-MinimumPasswordLength': ['14'] });
const gpo = objectOf('groupPolicy', 62, `CN={31B2F340-016D-11D2-945F-00C04FB984F9},CN=Policies,CN=System,${base}`, {
  displayName: ['Default Domain Policy'],
  versionNumber: ['1'],
});
const people = unitObject(63, 'People', { gPLink: [`[LDAP://${gpo.dn};0]`] });
/** A page brings it as what it is for DirSync; its descriptor is read apart. */
const holderInPages = objectOf('container', 64, `CN=AdminSDHolder,CN=System,${base}`);
const holder = (sddl: string) => objectOf('adminSDHolder', 64, holderInPages.dn, { nTSecurityDescriptor: [sddl] });

let polls: Polls;
beforeEach(async () => {
  polls = new Polls();
  polls.directory.adminSdHolder = holder('O:DAG:DAD:(A;;GA;;;DA)');
  await polls.firstSync(domainHead, strict, gpo, people, holderInPages);
});
const lastChange = () => polls.eventsOf('PolicyChanged').at(-1)?.change;

test('THEN the first snapshot tells of no policy, the one that is read apart among them', () => {
  expect(polls.types()).toEqual(['DirectorySnapshotCompleted']);
});

test('WHEN there is no such container in the pages THEN the first descriptor is no change either', async () => {
  polls = new Polls();
  polls.directory.adminSdHolder = holder('O:DAG:DAD:(A;;GA;;;DA)');
  await polls.firstSync();
  expect(await polls.told(changed(ada, { mail: [] }))).toEqual([]);
  expect(polls.types()).toEqual(['DirectorySnapshotCompleted']);
});

describe('the domain', () => {
  test('WHEN its password and lockout policy changes THEN old and new values are told in one event', async () => {
    expect(await polls.told(changed(domainHead, { minPwdLength: ['12'], lockoutThreshold: ['5'] }))).toEqual(['PolicyChanged']);
    expect(lastChange()).toEqual({
      policy: 'domain',
      action: 'changed',
      attributes: { minPwdLength: { before: '7', after: '12' }, lockoutThreshold: { before: '0', after: '5' } },
    });
  });

  test('WHEN something else of it changes THEN nothing is told', async () => {
    expect(await polls.told(changed(domainHead, { displayName: ['Corp'], userAccountControl: ['1'] }))).toEqual([]);
    expect(await polls.told(domainHead)).toEqual([]);
  });
});

describe('a fine-grained policy', () => {
  const second = objectOf('passwordSettings', 65, `CN=Lax,${settings}`, { 'msDS-MinimumPasswordLength': ['4'] });

  test('WHEN it is made, changed and deleted THEN each is told with its values', async () => {
    expect(await polls.told(second)).toEqual(['PolicyChanged']);
    expect(lastChange()).toMatchObject({
      policy: 'fine-grained',
      action: 'created',
      attributes: { name: { before: null, after: 'Lax' }, 'msDS-MinimumPasswordLength': { before: null, after: '4' } },
    });
    expect(await polls.told(changed(second, { 'msDS-MinimumPasswordLength': ['6'] }))).toEqual(['PolicyChanged']);
    expect(await polls.told(tombstone(second))).toEqual(['PolicyChanged']);
    expect(lastChange()).toMatchObject({ action: 'deleted', attributes: { 'msDS-MinimumPasswordLength': { before: '6', after: null } } });
  });

  test('WHEN it applies to others THEN whom it applied to and applies to is told', async () => {
    const text = ({ guid, dn }: { guid: string; dn: string }) => `${guid} ${dn}`;
    expect(await polls.told(delta(strict, { appliesToAdded: [referenceTo(ada), referenceTo(bea)] }))).toEqual(['PolicyChanged']);
    expect(lastChange()).toMatchObject({ attributes: { 'msDS-PSOAppliesTo': { before: null, after: [text(ada), text(bea)] } } });
    expect(await polls.told(delta(strict, { appliesToRemoved: [referenceTo(ada)] }))).toEqual(['PolicyChanged']);
    expect(lastChange()).toMatchObject({ attributes: { 'msDS-PSOAppliesTo': { before: [text(ada), text(bea)], after: text(bea) } } });
    // What a full sync lists of long ago.
    expect(await polls.told(delta(strict, { appliesToAdded: [referenceTo(bea)], appliesToRemoved: [referenceTo(ada)] }))).toEqual([]);
  });
});

describe('a group policy object', () => {
  test('WHEN it is edited THEN its version tells so', async () => {
    expect(await polls.told(changed(gpo, { versionNumber: ['65537'] }))).toEqual(['PolicyChanged']);
    expect(lastChange()).toEqual({
      policy: 'group-policy',
      action: 'changed',
      attributes: { versionNumber: { before: '1', after: '65537' } },
    });
  });

  test('WHEN it is linked to a unit, or no longer, THEN the unit tells so; and nothing else of a unit does', async () => {
    const link = people.attributes.gPLink?.[0];
    expect(await polls.told(changed(people, { gPLink: [] }))).toEqual(['PolicyChanged']);
    expect(lastChange()).toEqual({ policy: 'group-policy-link', action: 'changed', attributes: { gPLink: { before: link, after: null } } });
    expect(await polls.told(changed(people, { displayName: ['Our people'] }))).toEqual([]);
    expect(await polls.told(unitObject(66, 'New'))).toEqual([]);
    expect(await polls.told(unitObject(67, 'Linked', { gPLink: [link ?? ''] }))).toEqual(['PolicyChanged']);
    expect(await polls.told(tombstone(unitObject(67, 'Linked')))).toEqual(['PolicyChanged']);
  });
});

describe('AdminSDHolder', () => {
  test('WHEN its descriptor changes THEN both are told, once', async () => {
    polls.directory.adminSdHolder = holder('O:DAG:DAD:(A;;GA;;;WD)');
    expect(await polls.told(changed(holderInPages, { name: ['AdminSDHolder'] }))).toEqual(['PolicyChanged']);
    expect(lastChange()).toEqual({
      policy: 'admin-sd-holder',
      action: 'changed',
      attributes: { nTSecurityDescriptor: { before: 'O:DAG:DAD:(A;;GA;;;DA)', after: 'O:DAG:DAD:(A;;GA;;;WD)' } },
    });
    expect(await polls.told(changed(ada, { mail: [] }))).toEqual([]);
  });

  test('WHEN a full read brings it as a container THEN its descriptor stays', async () => {
    expect(await polls.told(holderInPages)).toEqual([]);
    expect(await polls.row(holderInPages)).toMatchObject({ type: 'adminSDHolder' });
  });

  test('WHEN this account may no longer read it THEN nothing is told', async () => {
    polls.directory.adminSdHolder = undefined;
    expect(await polls.told(changed(ada, { mail: [] }))).toEqual([]);
  });
});
