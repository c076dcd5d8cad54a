/** Ada, Bob and their groups, and the configuration by which they are explained. */
import { decide, prepareAccess } from '../../handlers/access/decide.ts';
import { rowReader } from '../../handlers/access/decide-command/row-reader.ts';
import { createAuthorizer } from '../../handlers/access/policies/authorizer.ts';
import { edgeKey, type MirrorRow, membersListing, type ObjectRow, objectKey, subjectOf } from '../../handlers/directory/mirror.ts';
import { readPrincipal } from '../../handlers/directory/principals.ts';
import { domain, fileTimeOf, groupObject, objectRow, userObject } from '../directory/rows.ts';
import { cause, configurationOf } from './decisions.ts';
import { policyFiles } from './policy-requests.ts';

export const now = '2025-03-01T10:00:00.000Z';
const person = (number: number, name: string, attributes: Record<string, readonly string[]> = {}): ObjectRow =>
  objectRow(userObject(number, name, { pwdLastSet: [fileTimeOf('2025-02-01T08:00:00Z')], ...attributes }));
const named = (number: number, name: string): ObjectRow => objectRow(groupObject(number, name));
export const edge = (member: ObjectRow, group: ObjectRow): MirrorRow => ({
  ...edgeKey(domain, member.guid, group.guid),
  domain,
  revision: 1,
  fence: 1,
  detectedAt: now,
  listedUnder: membersListing(domain, group.guid),
  group: subjectOf(group),
  member: { guid: member.guid, sid: member.sid, dn: member.dn },
  direct: true,
  primary: false,
  present: true,
});

export const [ada, bob] = [person(1, 'ada', { displayName: ['Ada Example'] }), person(2, 'bob', { userAccountControl: ['514'] })];
export const oddly = person(3, 'odd\u001b[31m\u202e');
export const [developers, everybody, admins, contractors] = [
  named(10, 'AWS-Developers'),
  named(11, 'AWS-Everybody'),
  named(12, 'AWS-Admins'),
  named(13, 'Contractors'),
];
export const rows = [
  ...[ada, bob, oddly, developers, everybody, admins, contractors],
  ...[edge(ada, developers), edge(developers, everybody), edge(everybody, contractors), edge(ada, admins), edge(bob, developers)],
];

export const policies = [...policyFiles('modules/access/policies'), ...policyFiles('examples/policies')];

export const configuration = configurationOf({
  mappings: [
    { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' },
    { id: 'everybody', group: { name: 'AWS-Everybody' }, role: 'everybody' },
    { id: 'admins', group: { name: 'AWS-Admins' }, role: 'admins', labels: ['privileged'] },
    { id: 'later', group: { name: 'AWS-Developers' }, role: 'later', valid: { from: '2025-04-01T00:00:00Z' } },
    {
      id: 'own-staff',
      group: { name: 'AWS-Developers' },
      role: 'own-staff',
      exclude: { groups: [{ name: 'Contractors' }, { name: 'Interns' }] },
    },
    { id: 'not-ada', group: { name: 'AWS-Developers' }, role: 'not-ada', exclude: { users: [{ name: 'ada' }] } },
    { id: 'auditors', group: { name: 'AWS-Auditors' }, role: 'auditors' },
  ],
  policies: policies.map(({ name }) => ({
    name,
    key: `policies/abc-${name}`,
  })),
});

const access = prepareAccess(configuration, createAuthorizer({ policies, attributes: [] }));
/** What decide-access writes of Ada. */
export const current = async () => {
  const { groups } = await readPrincipal(rowReader(rows), domain, ada.guid, objectKey(domain, ada.guid).pk);
  return decide(ada, groups, undefined, { access, decidedAt: now, cause });
};
