import { describe, expect, it } from 'vitest';
import { surplus, UnknownPolicyElementError } from '../../../sandbox/aws/iam/index.ts';
import { allow, deny, policy, QUEUE, TABLE } from './fixture.ts';

const INDEX = `${TABLE}/index/*`;
const read = { action: 'dynamodb:GetItem', resource: TABLE };
const query = { action: 'dynamodb:Query', resource: `${TABLE}/index/by-principal` };

describe('GIVEN policies of a role, WHEN its calls are compared', () => {
  const wide = policy('wide', allow({ Sid: 'Read', Action: ['dynamodb:GetItem', 'dynamodb:Query'], Resource: [TABLE, INDEX] }));

  it('every action on every resource that was never called is a row', () => {
    expect(surplus([wide], [read, query])).toEqual([
      { policy: 'wide', sid: 'Read', action: 'dynamodb:GetItem', resource: INDEX },
      { policy: 'wide', sid: 'Read', action: 'dynamodb:Query', resource: TABLE },
    ]);
  });

  it('no call leaves everything', () => {
    expect(surplus([wide], [])).toHaveLength(4);
  });

  it('no surplus leaves nothing', () => {
    expect(surplus([policy('p', [allow(), allow({ Action: 'dynamodb:Query', Resource: INDEX })])], [read, query])).toEqual([]);
  });

  it('actions ignore case, wildcards count as used by one call', () => {
    expect(surplus([policy('p', allow({ Action: 'dynamodb:get*', Resource: '*' }))], [read])).toEqual([]);
  });

  it('one call may use several statements', () => {
    expect(surplus([policy('a', allow()), policy('b', allow({ Resource: '*' }))], [read])).toEqual([]);
  });

  it('a deny grants nothing, so it is no surplus', () => {
    expect(surplus([policy('p', deny())], [])).toEqual([]);
  });

  it('NotAction and NotResource are one row, or none once used', () => {
    const broad = policy('broad', [
      { Effect: 'Allow', NotAction: ['s3:*', 'iam:*'], Resource: [TABLE, QUEUE] },
      { Effect: 'Allow', Action: 'sqs:*', NotResource: TABLE },
    ]);
    expect(surplus([broad], [{ action: 's3:GetObject', resource: TABLE }])).toEqual([
      { policy: 'broad', action: 'NotAction s3:*, iam:*', resource: `${TABLE}, ${QUEUE}` },
      { policy: 'broad', action: 'sqs:*', resource: `NotResource ${TABLE}` },
    ]);
    expect(surplus([broad], [{ action: 'sqs:SendMessage', resource: QUEUE }])).toEqual([]);
  });

  it('a call counts for a conditional statement only with a context that meets it', () => {
    const conditional = policy('p', allow({ Condition: { StringEquals: { 'app:key': 'a' } } }));
    expect(surplus([conditional], [read])).toEqual([]);
    expect(surplus([conditional], [{ ...read, context: { 'app:key': 'a' } }])).toEqual([]);
    expect(surplus([conditional], [{ ...read, context: { 'app:key': 'b' } }])).toHaveLength(1);
  });

  it('fails on what it does not know', () => {
    expect(() => surplus([policy('p', allow({ Condition: { StringIs: { a: 'b' } } }))], [])).toThrow(UnknownPolicyElementError);
  });
});
