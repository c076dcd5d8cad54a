/** The examples as Terraform plans them, planned once a run. */
import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { madeOnce } from '../made-once.ts';
import { caCertificate } from '../modules/integration.ts';
import { synthesizedExamples } from './synthesized.ts';
import { initialize, type Plan, planned, type Terraform } from './terraform.ts';

export const stackNames = ['dev', 'staging', 'prod', 'deployment'] as const;
export type StackName = (typeof stackNames)[number];

const environmentVariables = { directory_ca: caCertificate, scim_endpoint: 'https://wiki.example.com/scim/v2' };
export const variablesOf = (name: StackName): Readonly<Record<string, string>> => (name === 'deployment' ? {} : environmentVariables);

/** @returns a folder with the stacks, after `terraform init` */
const initializedExamples = (terraform: Terraform): Promise<string> =>
  madeOnce('initialized', async (folder) => {
    await cp(join(await synthesizedExamples(), 'stacks'), folder, { recursive: true });
    await initialize(
      terraform,
      stackNames.map((name) => join(folder, name)),
    );
  });

/** @throws when the stack is not valid or the plan fails, with Terraform's own output */
export async function plannedExample(terraform: Terraform, name: StackName): Promise<Plan> {
  const stack = join(await initializedExamples(terraform), name);
  const folder = await madeOnce(`plan-${name}`, async (own) => {
    await writeFile(join(own, 'plan.json'), JSON.stringify(await planned(stack, variablesOf(name))));
  });
  return JSON.parse(await readFile(join(folder, 'plan.json'), 'utf8')) as Plan;
}

/** A stack of one's own, to change and plan: initialized, below `parent`. @returns its folder */
export async function copyOfExample(terraform: Terraform, name: StackName, parent: string): Promise<string> {
  const stacks = await initializedExamples(terraform);
  await symlink(join(stacks, '.terraform'), join(parent, '.terraform'));
  await cp(join(stacks, name), join(parent, name), { recursive: true });
  return join(parent, name);
}
