/** The starter set and the examples: each policy forbids what it says and lets the rest through. */
import { describe, expect, it } from 'vitest';
import { checkPolicies, createAuthorizer, type GrantRequest } from '../../handlers/access/policies/authorizer.ts';
import { fileTimeOf } from '../directory/rows.ts';
import { ada, deniedBy, groupsNamed, inUnit, labelled, policyFiles, request } from './policy-requests.ts';

const starters = policyFiles('modules/access/policies');
const examples = policyFiles('examples/policies');
const authorizer = createAuthorizer({ policies: [...starters, ...examples], attributes: [] });
const denied = (change: Partial<GrantRequest> = {}) => deniedBy(authorizer.authorize(request(change)));

describe('the starter set', () => {
  it('GIVEN an ordinary account THEN all policies together let it through', () => {
    expect(authorizer.authorize(request())).toEqual({ allowed: true, policies: ['mapped-grants'] });
  });

  it('GIVEN the starter set alone THEN it passes the checks, and every policy has an id and a reason', () => {
    expect(() => checkPolicies({ policies: starters, attributes: [] })).not.toThrow();
    for (const { text } of [...starters, ...examples]) {
      const policies = text.match(/^(?:permit|forbid) \(/gm)?.length;
      expect(text.match(/^@id\("/gm)?.length).toBe(policies);
      expect(text.match(/^@reason\("/gm)?.length).toBe(policies);
    }
    expect(starters.map(({ name }) => name).sort()).toEqual([
      'mapped-grants.cedar',
      'never-expiring-passwords.cedar',
      'stale-passwords.cedar',
    ]);
  });

  it('stale-passwords: GIVEN a password of 181 days, or of unknown age THEN it forbids; of 179 days THEN not', () => {
    const set = (iso: string) => ({ principal: ada({ pwdLastSet: [fileTimeOf(iso)] }) });
    expect(denied(set('2024-09-01T10:00:00Z'))).toEqual(['forbidden', 'stale-passwords']);
    expect(denied({ principal: ada({ pwdLastSet: ['0'] }) })).toEqual(['forbidden', 'stale-passwords']);
    expect(denied({ principal: ada({ pwdLastSet: [] }) })).toEqual(['forbidden', 'stale-passwords']);
    expect(denied(set('2024-09-03T10:00:00Z'))).toEqual([]);
  });

  it('never-expiring-passwords: GIVEN such an account THEN it forbids; with a password that expires THEN not', () => {
    expect(denied({ principal: ada({ userAccountControl: ['66048'] }) })).toEqual(['forbidden', 'never-expiring-passwords']);
    expect(denied({ principal: ada({ userAccountControl: ['512'] }) })).toEqual([]);
  });
});

describe('the examples', () => {
  it('segregation-of-duties: GIVEN both groups THEN it forbids; GIVEN either THEN not', () => {
    expect(denied({ groups: groupsNamed('AWS-Payments', 'AWS-Payment-Approvals') })).toEqual(['forbidden', 'segregation-of-duties']);
    expect(denied({ groups: groupsNamed('AWS-Payments') })).toEqual([]);
    expect(denied({ groups: groupsNamed('AWS-Payment-Approvals') })).toEqual([]);
  });

  it('privileged-accounts: GIVEN a privileged role THEN only accounts of the unit, at any depth, hold it; others hold other roles', () => {
    const privileged = labelled('privileged');
    expect(denied({ ...privileged, principal: ada({}, inUnit('People')) })).toEqual(['forbidden', 'privileged-accounts']);
    expect(denied({ ...privileged, principal: ada({}, inUnit('Admins')) })).toEqual([]);
    expect(denied({ ...privileged, principal: ada({}, inUnit('Cloud,OU=Admins')) })).toEqual([]);
    expect(denied({ principal: ada({}, inUnit('People')) })).toEqual([]);
  });

  it('tiering: GIVEN an account and a role of one tier THEN it lets through; of two tiers THEN it forbids', () => {
    const groups = groupsNamed('Tier-0-Accounts');
    expect(denied({ ...labelled('tier-0'), groups })).toEqual([]);
    expect(denied({ ...labelled('tier-0') })).toEqual(['forbidden', 'tier-0-roles']);
    expect(denied({ groups })).toEqual(['forbidden', 'tier-0-accounts']);
    expect(denied()).toEqual([]);
  });
});
