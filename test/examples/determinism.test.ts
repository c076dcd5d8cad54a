/** Invariant 12: the same source gives byte-identical zips and the same synthesized JSON, in whatever folder. */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { functions } from '../../handlers/functions.ts';
import { copyProject, type Folder, filesBelow, node, synthesize, temporaryFolder } from './workspace.ts';

let folder: Folder;
let projects: readonly string[];

beforeAll(async () => {
  folder = await temporaryFolder();
  // Another depth and another locale, time zone and clock of the day: none of it may show.
  projects = [await copyProject(folder.path, 'one'), await copyProject(folder.path, 'deeper/in/another')];
  const surroundings = [
    { TZ: 'UTC', LANG: 'C' },
    { TZ: 'Pacific/Auckland', LANG: 'de_DE.UTF-8' },
  ];
  for (const [index, project] of projects.entries()) {
    expect(await node(project, ['handlers/bundle.ts'], surroundings[index])).toMatchObject({ code: 0 });
    expect(await synthesize(project, 'cdktf.out')).toMatchObject({ code: 0, output: '' });
  }
}, 240_000);

afterAll(() => folder.remove());

const digests = async (project: string, below: string): Promise<Readonly<Record<string, string>>> => {
  const base = join(project, below);
  const files = await filesBelow(base);
  const entries = await Promise.all(
    files.map(
      async (file) =>
        [
          file,
          createHash('sha256')
            .update(await readFile(join(base, file)))
            .digest('hex'),
        ] as const,
    ),
  );
  return Object.fromEntries(entries);
};

test('GIVEN one source in two folders WHEN built THEN the zips are byte-identical', async () => {
  const [one = {}, another] = await Promise.all(projects.map((project) => digests(project, 'dist/handlers')));
  expect(Object.keys(one)).toHaveLength(Object.keys(functions).length);
  expect(another).toEqual(one);
});

test('GIVEN one source in two folders WHEN synthesized THEN every file is byte-identical', async () => {
  const [one = {}, another] = await Promise.all(projects.map((project) => digests(project, 'cdktf.out')));
  expect(Object.keys(one).filter((file) => file.endsWith('cdk.tf.json'))).toHaveLength(4);
  expect(another).toEqual(one);
});

test('GIVEN a synthesized stack WHEN read THEN it names no folder of this machine', async () => {
  for (const file of await filesBelow(join(projects[0] ?? '', 'cdktf.out'))) {
    if (!file.endsWith('.json')) continue;
    expect(await readFile(join(projects[0] ?? '', 'cdktf.out', file), 'utf8'), file).not.toContain(folder.path);
  }
});

test('fails WHEN the zips are not built, and says how to build them', async () => {
  const project = projects[1] ?? '';
  await rm(join(project, 'dist'), { recursive: true });
  const { code, output } = await synthesize(project, 'cdktf.out');
  expect(code).not.toBe(0);
  expect(output).toContain('code of detect-changes is missing at dist/handlers/directory/detect-changes.zip: run "npm run build" first');
});
