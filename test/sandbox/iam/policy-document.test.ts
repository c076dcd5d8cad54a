import { describe, expect, it } from 'vitest';
import { authorize, MalformedPolicyError, type PolicySource, UnknownPolicyElementError } from '../../../sandbox/aws/iam/index.ts';
import { allow, type Draft, policy, ROLE, request, role, TABLE } from './fixture.ts';

const asIdentity = (source: PolicySource) => authorize(request(role([], { identityPolicies: [source] })));
const asResource = (statement: Draft) => authorize(request(role([]), { resourcePolicy: policy('resource', statement) }));
const raw = (document: unknown): PolicySource => ({ name: 'p', document: document as PolicySource['document'] });

describe('GIVEN a policy document in any allowed spelling, THEN it is read', () => {
  it.each<[string, PolicySource]>([
    ['one statement without a list', policy('p', allow())],
    ['no version', policy('p', allow(), undefined)],
    ['the old version', policy('p', allow(), '2008-10-17')],
    ['an id and a sid', raw({ Version: '2012-10-17', Id: 'x', Statement: [allow({ Sid: 'Read' })] })],
    ['an empty sid, twice', policy('p', [allow({ Sid: '' }), allow({ Sid: '' })])],
    ['an empty condition', policy('p', allow({ Condition: {} }))],
  ])('%s', (_title, source) => {
    expect(asIdentity(source).allowed).toBe(true);
  });
});

describe('GIVEN a malformed identity policy', () => {
  it.each<[string, PolicySource, RegExp]>([
    ['no document', raw(null), /^policy "p" is null: write an object/],
    ['no statement', raw({ Version: '2012-10-17' }), /Statement of policy "p" is empty/],
    ['an empty list of statements', policy('p', []), /Statement of policy "p" is empty/],
    ['an unknown version', policy('p', allow(), '2020-01-01'), /version "2020-01-01" .* write 2012-10-17/],
    ['no effect', policy('p', allow({ Effect: undefined })), /Effect of statement 0 of policy "p" is undefined: write Allow or Deny/],
    ['an effect in lower case', policy('p', allow({ Effect: 'allow' })), /Effect of .* is "allow"/],
    ['no action', policy('p', allow({ Action: undefined })), /has no Action/],
    ['no actions', policy('p', allow({ Action: [] })), /actions of .* is empty/],
    ['Action and NotAction', policy('p', allow({ NotAction: 's3:*' })), /both Action and NotAction: keep one/],
    ['an action without service', policy('p', allow({ Action: 'GetItem' })), /action "GetItem" .* service:Action/],
    ['an action that is no text', policy('p', allow({ Action: 1 })), /hold 1: write texts/],
    ['no resource', policy('p', allow({ Resource: undefined })), /has no Resource/],
    ['Resource and NotResource', policy('p', allow({ NotResource: '*' })), /both Resource and NotResource/],
    ['a resource that is no ARN', policy('p', allow({ Resource: 'grants' })), /resource "grants" .* neither an ARN nor "\*"/],
    ['a principal', policy('p', allow({ Principal: '*' })), /has a principal/],
    ['a sid twice', policy('p', [allow({ Sid: 'A' }), allow({ Sid: 'A' })]), /sid "A" occurs twice/],
    ['a sid with a space', policy('p', allow({ Sid: 'A b' })), /Sid of statement "A b" .* not alphanumeric/],
    ['a condition that is no object', policy('p', allow({ Condition: 'x' })), /Condition of .* is "x": write an object/],
    ['an operator without keys', policy('p', allow({ Condition: { Bool: 'true' } })), /Bool of .* is "true": write an object/],
  ])('fails on %s', (_title, source, message) => {
    expect(() => asIdentity(source)).toThrow(MalformedPolicyError);
    expect(() => asIdentity(source)).toThrow(message);
  });
});

describe('GIVEN a malformed resource policy', () => {
  it.each<[string, Draft, RegExp]>([
    ['no principal', allow(), /has no Principal/],
    ['an empty principal', allow({ Principal: {} }), /principal of .* is empty/],
    ['an empty list', allow({ Principal: { AWS: [] } }), /AWS of .* is empty/],
    ['a principal that is text', allow({ Principal: ROLE }), /write "\*" or an object/],
    ['Principal and NotPrincipal', allow({ Principal: '*', NotPrincipal: '*' }), /both Principal and NotPrincipal/],
    ['a wildcard within a role', allow({ Principal: { AWS: `${ROLE}*` } }), /wildcards cannot stand for a part/],
    ['a role without ARN', allow({ Principal: { AWS: 'sync-roles' } }), /principal "sync-roles" .* is no account, role/],
    ['a service with a wildcard', allow({ Principal: { Service: '*' } }), /service "\*" .* has a wildcard/],
  ])('fails on %s', (_title, statement, message) => {
    expect(() => asResource(statement)).toThrow(MalformedPolicyError);
    expect(() => asResource(statement)).toThrow(message);
  });
});

describe('GIVEN an element this evaluator does not know', () => {
  it('fails naming the element of the document', () => {
    const refused = () => asIdentity(raw({ Version: '2012-10-17', Statement: allow(), Comment: 'x' }));
    expect(refused).toThrow(UnknownPolicyElementError);
    expect(refused).toThrow(expect.objectContaining({ element: 'Comment' }));
  });

  it('fails naming the element of the statement', () => {
    expect(() => asIdentity(policy('p', allow({ Resources: TABLE })))).toThrow(
      /^unknown element "Resources" in statement 0 of policy "p": known are Sid, Effect/,
    );
  });

  it('fails naming the type of principal', () => {
    expect(() => asResource(allow({ Principal: { CanonicalUser: 'a' } }))).toThrow(/^unknown principal type "CanonicalUser"/);
  });

  it('fails although another policy denies or allows', () => {
    const broken = policy('broken', allow({ Action: 's3:*', Until: '2026' }));
    const sound = policy('sound', [allow()]);
    for (const identityPolicies of [
      [sound, broken],
      [broken, sound],
    ]) {
      expect(() => authorize(request(role([], { identityPolicies })))).toThrow(UnknownPolicyElementError);
    }
    expect(() => authorize(request(role([allow()], { boundary: broken })))).toThrow(UnknownPolicyElementError);
  });
});
