/** What a deployment changed in mappings, policies and settings is told: each change once, whatever is cut off. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import {
  type ConfigurationPart,
  changedParts,
  configurationEvents,
  type KnownConfiguration,
} from '../../handlers/access/configuration-changes.ts';
import { dynamoDbKnownConfiguration } from '../../handlers/access/dynamodb-known-configuration.ts';
import type { ChangeOf } from '../../handlers/events/catalogue.ts';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { Killed, killedAfter, watching } from '../platform/watched-calls.ts';
import { clientOf, endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { type AccessOptions, accessOf, Deciding, memoryKnownConfiguration } from './deciding.ts';

const tick = { revalidate: true };
const developers = { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' } as const;
const admins = { id: 'admins', group: { name: 'AWS-Admins' }, role: 'admins' } as const;

type Told = ChangeOf<'AccessConfigurationChanged'>;
const told = (deciding: Deciding): readonly Told[] =>
  deciding.published.flatMap(({ type, change }) => (type === 'AccessConfigurationChanged' ? [change as Told] : []));
const brief = (changes: readonly Told[]) => changes.map(({ kind, name, action }) => `${kind} ${name} ${action}`);

async function deployed(deciding: Deciding, options: AccessOptions): Promise<readonly Told[]> {
  const loaded = accessOf(options);
  deciding.deps = { ...deciding.deps, access: async () => loaded };
  const before = told(deciding).length;
  await deciding.decide(tick);
  return told(deciding).slice(before);
}

describe('a deployment', () => {
  test('WHEN it is the first THEN each mapping, each file of policies and the settings are told, with their text', async () => {
    const deciding = new Deciding(memoryMirror());
    const changes = await deployed(deciding, { mappings: [developers], digest: 'access/1.json' });
    expect(brief(changes)).toEqual(['mapping developers added', 'policy test.cedar added', 'settings settings added']);
    expect(changes[0]).toMatchObject({ before: null, configuration: { before: null, after: 'access/1.json' } });
    expect(JSON.parse(changes[0]?.after ?? '')).toEqual({ ...developers, targets: ['identity-center'] });
    expect(changes[1]?.after).toBe('permit (principal, action, resource);');
    for (const event of deciding.published) {
      const { Source, DetailType, Detail } = toEntry(event);
      expect(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) })).toEqual(event);
    }
  });

  test('WHEN it changes a mapping, takes one out and forbids THEN that is told, with what was before, and nothing else', async () => {
    const deciding = new Deciding(memoryMirror());
    await deployed(deciding, { mappings: [developers, admins], digest: 'access/1.json' });
    const changes = await deployed(deciding, {
      mappings: [{ ...developers, role: 'engineers' }],
      policies: '@id("all") permit (principal, action, resource);',
      digest: 'access/2.json',
    });
    expect(brief(changes)).toEqual(['mapping developers changed', 'policy test.cedar changed', 'mapping admins removed']);
    expect(JSON.parse(changes[0]?.before ?? '')).toMatchObject({ role: 'developers' });
    expect(JSON.parse(changes[0]?.after ?? '')).toMatchObject({ role: 'engineers' });
    expect(changes[1]).toMatchObject({
      before: 'permit (principal, action, resource);',
      after: '@id("all") permit (principal, action, resource);',
    });
    expect(changes[2]?.after).toBeNull();
    for (const { configuration } of changes) expect(configuration).toEqual({ before: 'access/1.json', after: 'access/2.json' });
  });

  test('WHEN the same two configurations take turns THEN each turn is told under ids of its own', async () => {
    const deciding = new Deciding(memoryMirror());
    const turns = ['one', 'two', 'one', 'two'].map((role, turn) => ({
      mappings: [{ ...developers, role }],
      digest: `access/${turn % 2}.json`,
    }));
    for (const options of turns) await deployed(deciding, options);
    expect(brief(told(deciding)).filter((text) => text === 'mapping developers changed')).toHaveLength(3);
    expect(new Set(deciding.published.map(({ id }) => id)).size).toBe(deciding.published.length);
  });

  test('WHEN nothing is deployed THEN the ticks of a day tell nothing', async () => {
    const deciding = new Deciding(memoryMirror());
    await deployed(deciding, { mappings: [developers] });
    const published = deciding.published.length;
    let time = Date.parse('2025-03-01T10:00:01Z');
    for (let hour = 0; hour < 48; hour += 1) {
      time += 3_600_000;
      await deciding.decide(tick, { now: () => new Date(time) });
    }
    expect(deciding.published).toHaveLength(published);
  });

  test('WHEN a run ends after any of its calls THEN the next one tells the rest, and a repeat has the same id', async () => {
    const second = {
      mappings: [{ ...developers, role: 'engineers' }],
      policies: '@id("all") permit (principal, action, resource);',
      digest: 'b',
    };
    let whole: readonly string[] = [];
    for (let kill = 0; ; kill += 1) {
      const deciding = new Deciding(memoryMirror());
      await deployed(deciding, { mappings: [developers, admins], digest: 'a' });
      const before = deciding.published.length;
      const loaded = accessOf(second);
      const deps = { ...deciding.deps, access: async () => loaded };
      const { wrap } = watching(killedAfter(kill === 0 ? Number.POSITIVE_INFINITY : kill));
      const ports = {
        ...wrap(deps, ['fanOut', 'publish']),
        revalidations: wrap(deciding.revalidations, ['read', 'write']),
        knownConfiguration: wrap(deciding.knownConfiguration),
      };
      const killed = await deciding.decide(tick, ports).then(
        () => false,
        (error: unknown) => {
          if (error instanceof Killed) return true;
          throw error;
        },
      );
      if (killed) await deciding.decide(tick, deps);
      const ids = [...new Set(deciding.published.slice(before).map(({ id }) => id))].sort();
      if (kill === 0) whole = ids;
      expect(whole).toHaveLength(3);
      expect(ids).toEqual(whole);
      if (kill > 0 && !killed) break;
    }
  });
});

test('GIVEN a run that ended after it told a change WHEN another deployment follows THEN its changes are events of their own', async () => {
  const deciding = new Deciding(memoryMirror());
  const roles = ['one', 'two', 'three', 'two'];
  for (const [turn, role] of roles.entries()) {
    const loaded = accessOf({ mappings: [{ ...developers, role }], digest: `access/${turn}.json` });
    deciding.deps = { ...deciding.deps, access: async () => loaded };
    const { wrap } = watching(killedAfter(1));
    const killed = { revalidations: { ...deciding.revalidations, ...wrap({ write: async () => undefined }) } };
    await deciding.decide(tick, turn === 0 ? {} : killed).catch((error: unknown) => expect(error).toBeInstanceOf(Killed));
  }
  const changed = deciding.published.filter(({ change }) => (change as Told).action === 'changed');
  const sides = changed.map(({ change }) => [(change as Told).before, (change as Told).after].map((text) => JSON.parse(text ?? '').role));
  expect(sides).toEqual([
    ['one', 'two'],
    ['two', 'three'],
    ['three', 'two'],
  ]);
  expect(new Set(changed.map(({ id }) => id)).size).toBe(3);
});

test('GIVEN a deployment that was told and taken back before it was noted WHEN the next revalidation is due THEN the way back is told', async () => {
  const deciding = new Deciding(memoryMirror());
  const one = { mappings: [{ ...developers, role: 'one' }], digest: 'access/1.json' };
  await deployed(deciding, one);
  const two = accessOf({ mappings: [{ ...developers, role: 'two' }], digest: 'access/2.json' });
  const { wrap } = watching(killedAfter(1));
  const killed = { access: async () => two, revalidations: { ...deciding.revalidations, ...wrap({ write: async () => undefined }) } };
  await expect(deciding.decide(tick, killed)).rejects.toBeInstanceOf(Killed);
  const before = told(deciding).length;
  await deciding.decide(tick, { now: () => new Date('2025-03-03T10:00:00Z') });
  const [back, ...more] = told(deciding).slice(before);
  expect([back?.before, back?.after].map((text) => JSON.parse(text ?? '').role)).toEqual(['two', 'one']);
  expect(more).toEqual([]);
});

describe('the difference of two configurations', () => {
  const parts = fc.uniqueArray(
    fc.record({
      kind: fc.constantFrom('mapping', 'policy'),
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      content: fc.constantFrom('1', '2', '3'),
    }),
    { selector: ({ kind, name }) => `${kind}#${name}` },
  );
  const sorted = (known: Iterable<ConfigurationPart>) =>
    [...known].filter(({ content }) => content !== undefined).sort((a, b) => (a.kind + a.name < b.kind + b.name ? -1 : 1));

  test('THEN what is told, done to the one before, gives the other; and each part is told once', () => {
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 5 }), (history) => {
        const known = new Map<string, ConfigurationPart>();
        let revision = 0;
        for (const after of history) {
          revision += 1;
          const before = [...known.values()];
          const changed = changedParts(before, after);
          const events = configurationEvents(before, changed, { from: 'a', to: 'b', revision, at: '2025-03-01T10:00:00.000Z' });
          expect(events).toHaveLength(changed.length);
          for (const { change } of events) {
            const { kind, name, action, before: content, after: next } = change as Told;
            const key = `${kind}#${name}`;
            expect(known.get(key)?.content ?? null).toBe(content);
            expect(content).not.toBe(next);
            expect(action).toBe(content === null ? 'added' : next === null ? 'removed' : 'changed');
            known.set(key, { kind, name, content: next ?? undefined });
          }
          expect(sorted(known.values())).toEqual(sorted(after));
        }
      }),
    );
  });

  test('GIVEN a policy file too large for an event WHEN it changes THEN its size and hash are told', () => {
    const large = (text: string) => accessOf({ policies: `// ${text.repeat(60_000)}\npermit (principal, action, resource);` }).parts;
    const [change] = changedParts(large('a'), large('b'));
    expect(change?.content).toMatch(/^60041 bytes with SHA-256 [0-9a-f]{64}$/);
  });
});

describe('what was told of a configuration', async () => {
  const endpoint = await endpointForTests();
  const client = new DynamoDBClient(clientOf(endpoint));
  afterAll(() => client.destroy());
  await endpoint.call('operator', 'dynamodb', 'CreateTable', {
    TableName: 'grants',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });

  test.each<[string, () => KnownConfiguration]>([
    ['in DynamoDB', () => dynamoDbKnownConfiguration(client, 'grants')],
    ['in memory', memoryKnownConfiguration],
  ])('%s: THEN it is what was written last of each part', async (_, make) => {
    const known = make();
    expect(await known.read()).toEqual([]);
    // Together more than one page of a query, which is 1 MB.
    const parts: ConfigurationPart[] = Array.from({ length: 30 }, (_, number) => ({
      kind: 'mapping',
      name: `m${String(number).padStart(2, '0')}`,
      content: 'x'.repeat(48 * 1024),
    }));
    for (const part of parts) await known.write(part);
    await known.write({ kind: 'mapping', name: 'm03', content: 'other' });
    await known.write({ kind: 'mapping', name: 'm04', content: undefined });
    const read = await known.read();
    expect(read).toHaveLength(30);
    expect(read.map(({ name, content }) => [name, content?.length])).toEqual(
      parts.map(({ name }, number) => [name, number === 3 ? 5 : number === 4 ? undefined : 48 * 1024]),
    );
  });
});
