/** Who is told of a decision: the bus, and every target that the principal was ever to hold a role at. */
import { beforeEach, describe, expect, test } from 'vitest';
import { principalKey } from '../../handlers/access/grants.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { domain, edgeRow, groupObject, userObject } from '../directory/rows.ts';
import { type AccessOptions, accessOf, Deciding } from './deciding.ts';
import { cause, group, user } from './decisions.ts';

const ada = userObject(1, 'ada');
const look = { lookAt: { domain, guids: [ada.guid] }, cause };
const developers = { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' } as const;

const forbidden = 'permit (principal, action, resource); @id("never") forbid (principal, action, resource);';

let deciding: Deciding;
beforeEach(async () => {
  const mirror = memoryMirror();
  await mirror.write([user(), group(10, 'AWS-Developers'), edgeRow(groupObject(10, 'AWS-Developers'), ada)]);
  deciding = new Deciding(mirror, [domain]);
});

const configured = (options: AccessOptions) => {
  deciding.deps = { ...deciding.deps, access: async () => accessOf(options) };
};
const told = () => deciding.sent.map(({ target }) => target);

describe('a decision', () => {
  test('GIVEN a role at two targets THEN each is told, with the decision as the cause', async () => {
    configured({ targets: ['identity-center', 'scim'], mappings: [{ ...developers, targets: ['identity-center', 'scim'] }] });
    await deciding.decide(look);
    const [decision] = deciding.published;
    const { revision } = decision ?? {};
    expect(deciding.sent).toMatchObject([
      { target: 'identity-center', guid: ada.guid, revision, cause: { id: decision?.id, type: 'AccessDecided' } },
      { target: 'scim', guid: ada.guid, revision, cause: { id: decision?.id } },
    ]);
  });

  test('GIVEN a role at one of two targets THEN the other hears nothing, and the one hears of the loss too', async () => {
    configured({ targets: ['identity-center', 'scim'], mappings: [{ ...developers, targets: ['scim'] }] });
    await deciding.decide(look);
    configured({ targets: ['identity-center', 'scim'], mappings: [{ ...developers, group: { name: 'Others' }, targets: ['scim'] }] });
    await deciding.decide(look);
    expect(deciding.held(domain, ada)).toEqual([]);
    expect(told()).toEqual(['scim', 'scim']);
  });

  test('GIVEN a target that was taken out of the configuration THEN that is logged, and the others are told', async () => {
    configured({ targets: ['identity-center', 'old'], mappings: [{ ...developers, targets: ['old', 'identity-center'] }] });
    await deciding.decide(look);
    expect(told()).toEqual(['identity-center']);
    expect(deciding.logged.filter(([code]) => code === 'TARGET_UNKNOWN')).toEqual([
      ['TARGET_UNKNOWN', { domain, guid: ada.guid, target: 'old' }],
    ]);
    expect(deciding.grants.items.get(principalKey(domain, ada.guid))?.unannounced).toEqual([]);
  });

  test('GIVEN a role that policies deny THEN the bus is told, once, and no target', async () => {
    configured({ policies: forbidden });
    await deciding.decide(look);
    await deciding.decide(look);
    expect([...new Set(deciding.published.map(({ type }) => type))]).toEqual(['AccessDenied']);
    expect(deciding.published).toHaveLength(2);
    expect(told()).toEqual([]);
    expect(deciding.grants.items.get(principalKey(domain, ada.guid))).toMatchObject({ grants: {}, unannounced: [] });
  });

  test('GIVEN a role that a policy forbids by now THEN the violation is told before the decision, and the target loses it', async () => {
    await deciding.decide(look);
    configured({ policies: forbidden });
    await deciding.decide(look);
    const types = deciding.published.map(({ type }) => type);
    expect(types.slice(1)).toContain('AccessViolationFound');
    expect(types.at(-1)).toBe('AccessDecided');
    expect(told()).toEqual(['identity-center', 'identity-center']);
  });

  test('invariant 2: GIVEN a queue that refuses THEN the next run tells both again, under the same ids', async () => {
    configured({ targets: ['identity-center', 'scim'], mappings: [{ ...developers, targets: ['identity-center', 'scim'] }] });
    const { syncRoles } = deciding.deps;
    const refusing = async (target: string, message: Parameters<typeof syncRoles>[1]) => {
      if (target === 'scim') throw new RetryableError('the queue is gone');
      await syncRoles(target, message);
    };
    await expect(deciding.decide(look, { syncRoles: refusing })).rejects.toThrow('the queue is gone');
    await deciding.decide(look);
    expect(told()).toEqual(['identity-center', 'identity-center', 'scim']);
    expect(new Set(deciding.sent.map((message) => JSON.stringify({ ...message, target: '' }))).size).toBe(1);
    expect(new Set(deciding.published.map(({ id }) => id)).size).toBe(1);
  });
});
