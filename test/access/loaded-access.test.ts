/** What decides is loaded and made ready once; and the queues that decisions go to. */
import { describe, expect, test } from 'vitest';
import { parseAccessConfiguration } from '../../handlers/access/access-configuration.ts';
import { loadedAccess } from '../../handlers/access/decide-access/loaded-access.ts';
import { parseRoleQueues } from '../../handlers/access/role-queues.ts';
import type { AccessSource } from '../../handlers/access/s3-access-configuration.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';

const sourceOf = (text: string): AccessSource => ({
  configuration: parseAccessConfiguration({
    mappings: [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' }],
    targets: { 'identity-center': { attributes: {} } },
    policies: [{ name: 'team.cedar', key: 'team.cedar' }],
    policyAttributes: [],
    onViolation: 'revoke',
  }),
  policies: [{ name: 'team.cedar', text }],
  digest: 'access/1.json',
});

describe('what decides', () => {
  test('WHEN it is asked for often THEN it is loaded and prepared once', async () => {
    let loads = 0;
    const access = loadedAccess(async () => {
      loads += 1;
      return sourceOf('permit (principal, action, resource);');
    });
    const [one, other] = await Promise.all([access(), access()]);
    expect(one).toBe(other);
    expect(await access()).toBe(one);
    expect(loads).toBe(1);
    expect(one.digest).toBe('access/1.json');
  });

  test('invariant 7: fails while it cannot be loaded, and a policy that is none makes it none', async () => {
    const answers = [
      () => Promise.reject(new Error('no route')),
      async () => sourceOf('permit (principal, action'),
      async () => sourceOf('permit (principal, action, resource);'),
    ];
    const access = loadedAccess(() => answers.shift()?.() ?? Promise.reject(new Error('asked once too often')));
    await expect(access()).rejects.toThrow('no route');
    await expect(access()).rejects.toThrow(ConfigurationError);
    expect((await access()).digest).toBe('access/1.json');
  });
});

describe('the queues', () => {
  const url = 'https://sqs.eu-central-1.amazonaws.com/111122223333/roles.fifo';
  test('THEN they are those of the targets', () => {
    expect([...parseRoleQueues(JSON.stringify({ 'identity-center': url }))]).toEqual([['identity-center', url]]);
  });
  test.each(['', '{', '[]', '{}', 'null', '{"scim": 1}', '{"scim": ""}', '{"": "https://x.example.com"}'])('fails for %s', (json) => {
    expect(() => parseRoleQueues(json)).toThrow(ConfigurationError);
    expect(() => parseRoleQueues(json)).toThrow(/ROLE_QUEUES/);
  });
});
