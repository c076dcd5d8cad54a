/** Memberships that end untold, because their group leaves the scope in the same page: what they gave must end too. */
import { expect, test } from 'vitest';
import { ada, Polls } from '../directory/polls.ts';
import { base, delta, domain, groupObject, referenceTo } from '../directory/rows.ts';
import { Deciding } from './deciding.ts';

test('GIVEN a role by a group WHEN one page removes the member and moves the group out of scope THEN the role is revoked', async () => {
  const polls = new Polls({ scope: { include: { organizationalUnits: [`OU=People,${base}`, `OU=Groups,${base}`] } } });
  const developers = groupObject(12, 'AWS-Developers', [ada]);
  await polls.firstSync(developers);
  const deciding = new Deciding(polls.mirror);
  await deciding.handle(polls.events());
  expect(deciding.held(domain, ada)).toEqual(['developers', 'everybody']);

  const mark = polls.events().length;
  const elsewhere = { dn: `CN=AWS-Developers,OU=Elsewhere,${base}`, attributes: { name: ['AWS-Developers'] } };
  expect(await polls.told(delta(developers, { ...elsewhere, membersRemoved: [referenceTo(ada)] }))).toEqual(['GroupLeftScope']);
  await deciding.handle(polls.events().slice(mark));
  expect(deciding.held(domain, ada)).toEqual([]);
});
