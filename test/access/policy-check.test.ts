/** What is refused at synth: every policy that would not do what it says. */
import { describe, expect, it } from 'vitest';
import { checkPolicies } from '../../handlers/access/policies/authorizer.ts';
import type { PolicySetOptions } from '../../handlers/access/policies/policy-set.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { permitAll } from './policy-requests.ts';

const check = (text: string, options: Partial<PolicySetOptions> = {}) =>
  checkPolicies({ policies: [permitAll, { name: 'team.cedar', text }], attributes: ['department'], ...options });

const forbid = (condition: string): string => `@id("no") forbid (principal, action == Action::"grant", resource) when { ${condition} };`;

function refusal(work: () => void): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  return 'accepted';
}

describe('checkPolicies', () => {
  it('GIVEN right policies THEN they pass', () => {
    expect(() =>
      check(forbid('principal.attributes.department.contains("finance") || principal in Group::"S-1-5-21-1-2-3-4"')),
    ).not.toThrow();
    expect(() => check(forbid('principal in Group::"zürich-админы@corp.example.com"'))).not.toThrow();
  });

  it.each([
    ['a syntax error', '// two lines\npermit (principal, action resource);', 'team.cedar:2:27: unexpected token `resource`'],
    ['an unknown attribute', forbid('principal.departement == "x"'), 'attribute `departement` on entity type `User` not found'],
    ['an attribute that is not configured', forbid('principal.attributes.title.isEmpty()'), 'title'],
    ['an optional attribute that is not asked for first', forbid('principal.mail == "x"'), 'e has mail && ..'],
    ['an unknown action', '@id("no") forbid (principal, action == Action::"gant", resource);', 'did you mean `Action::"grant"`'],
    ['an unknown entity type', forbid('principal in Team::"x"'), 'Team'],
    ['a policy that is impossible', forbid('false'), 'policy is impossible'],
    ['a date that is none', forbid('context.now > datetime("2025-13-01")'), '2025-13-01'],
    ['a template', 'permit (principal == ?principal, action, resource);', 'team.cedar holds a policy template'],
    ['an empty id', '@id("") forbid (principal, action, resource);', '@id is empty'],
    ['text that reads other than it is', forbid('principal in Group::"x\u202ey@corp.example.com"'), 'BIDI'],
    ['a group in capitals', forbid('principal in Group::"AWS-Admins@corp.example.com"'), 'write "aws-admins@corp.example.com"'],
    ['a group without domain', forbid('principal in Group::"aws-admins"'), '<sAMAccountName>@<domain>'],
    [
      'a group in capitals in the scope',
      '@id("no") forbid (principal in Group::"A@corp.example.com", action, resource);',
      '"a@corp.example.com"',
    ],
    [
      'a group of a set in capitals',
      forbid('principal in [Group::"b@corp.example.com", Group::"A@corp.example.com"]'),
      '"a@corp.example.com"',
    ],
    [
      'a unit in capitals',
      forbid('principal.organizationalUnits.contains("OU=Admins,DC=example,DC=com")'),
      '"ou=admins,dc=example,dc=com"',
    ],
    ['a unit with spaces', forbid('principal.organizationalUnits.containsAny(["ou=x, dc=com"])'), 'write "ou=x,dc=com"'],
    ['a unit that is none', forbid('principal.organizationalUnits.contains("admins")'), 'write a distinguished name'],
    ['a name in capitals', forbid('principal.samAccountName == "Ada"'), 'write "ada"'],
    ['a name in capitals, turned round', forbid('["Ada", "bob"].contains(principal.samAccountName)'), 'write "ada"'],
    ['a pattern in capitals', forbid('principal.name like "SVC-*"'), 'write "svc-*"'],
    ['a value in capitals', forbid('principal.attributes.department.contains("Finance")'), 'write "finance"'],
    ['a role in capitals', forbid('resource == Role::"scim/Admins"'), 'write "scim/admins"'],
    ['a role name in capitals', forbid('resource.name == "Admins"'), 'write "admins"'],
    ['a user by name', forbid('principal == User::"ada"'), 'principal.samAccountName'],
  ])('fails for %s', (_, text, part) => {
    expect(refusal(() => check(text))).toContain(part);
  });

  it('fails for targets and domains that are none, where it knows them', () => {
    const known = { targets: ['identity-center', 'scim'], domains: ['Corp.example.com'] };
    expect(refusal(() => check(forbid('resource in Target::"skim"'), { known }))).toContain('there is no target "skim"');
    expect(refusal(() => check(forbid('principal in Group::"x@crop.example.com"'), { known }))).toContain('there is no domain');
    expect(() => check(forbid('resource in Target::"scim" && principal in Group::"x@corp.example.com"'), { known })).not.toThrow();
  });

  it('fails for two policies of one id, naming both places', () => {
    const message = refusal(() => check('@id("all")\npermit (principal, action, resource);'));
    expect(message).toContain('team.cedar:1:1');
    expect(message).toContain('all.cedar:1:1');
  });

  it('fails for a set without a permit: nobody would be granted anything', () => {
    const only = (text: string) => refusal(() => checkPolicies({ policies: [{ name: 'a.cedar', text }], attributes: [] }));
    expect(only('forbid (principal, action, resource);')).toContain('no policy permits anything');
    expect(only('')).toContain('no policy permits anything');
    expect(refusal(() => checkPolicies({ policies: [], attributes: [] }))).toContain('no policy permits anything');
  });

  it('fails once for all that is wrong, each with its place', () => {
    const message = refusal(() =>
      check(`${forbid('principal.nope')}\n@id("ä")  forbid (principal, action, resource) when { principal.no };`),
    );
    expect(message).toMatch(/team\.cedar:1:\d+: .*`nope`/);
    expect(message).toMatch(/team\.cedar:2:55: .*`no`/);
  });

  it('GIVEN a file of twelve policies without ids THEN each is called by its number in the file', () => {
    const wrong = (attribute: string) => `forbid (principal, action, resource) when { principal.${attribute} };`;
    const text = Array.from({ length: 12 }, (_, index) =>
      index === 2 ? wrong('third') : index === 10 ? wrong('eleventh') : permitAll.text,
    )
      .map((policy) => policy.replace('@id("all") ', ''))
      .join('\n');
    const message = refusal(() => check(text));
    expect(message).toMatch(/team\.cedar:3:\d+: for policy `team\.cedar#3`, attribute `third`/);
    expect(message).toMatch(/team\.cedar:11:\d+: for policy `team\.cedar#11`, attribute `eleventh`/);
  });
});
