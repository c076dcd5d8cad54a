/** `npx cdktf` works from the checkout. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { copyProject, type Finished, type Folder, node, temporaryFolder } from './workspace.ts';

const cli = 'node_modules/cdktf-cli/bundle/bin/cdktf';
let folder: Folder;
let project: string;
let finished: Finished;

beforeAll(async () => {
  folder = await temporaryFolder();
  project = await copyProject(folder.path, 'checkout');
  finished = await node(project, [cli, 'synth'], { CHECKPOINT_DISABLE: '1', CI: '1' });
}, 240_000);

afterAll(() => folder.remove());

test('GIVEN a checkout WHEN cdktf synth is run THEN it builds the zips and writes the four stacks', async () => {
  expect(finished.output).toContain('Generated Terraform code for the stacks: deployment, dev, prod, staging');
  expect(finished.code).toBe(0);
  for (const name of ['dev', 'staging', 'prod'] as const) {
    const stack = JSON.parse(await readFile(join(project, 'cdktf.out/stacks', name, 'cdk.tf.json'), 'utf8'));
    expect(Object.keys(stack.resource.aws_lambda_function)).toHaveLength({ dev: 12, staging: 10, prod: 13 }[name]);
  }
});

test('GIVEN cdktf.json WHEN a newcomer reads it THEN it runs the synth script and reports nothing to anybody', async () => {
  const settings = JSON.parse(await readFile(join(project, 'cdktf.json'), 'utf8'));
  expect(settings).toMatchObject({ language: 'typescript', app: 'npm run --silent synth', sendCrashReports: 'false' });
});
