/** A sandbox that a test plays in: no schedule polls, so each change of the directory is seen when the test says so. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { App } from 'cdktf';
import { EnvironmentStack } from '../../examples/environment-stack.ts';
import { environments } from '../../examples/environments.ts';
import type { ChangeOf, IdentityEventType } from '../../handlers/events/catalogue.ts';
import type { ActiveDirectoryIntegrationProps } from '../../modules/index.ts';
import { auditTrail, type TrailRecord } from '../../sandbox/audit-trail.ts';
import type { SandboxVault } from '../../sandbox/credentials.ts';
import { changeAttribute, createUser, type Population } from '../../sandbox/domain-controller/population.ts';
import { progressTo } from '../../sandbox/progress.ts';
import { type Sandbox, startSandbox } from '../../sandbox/sandbox.ts';
import { guidOf } from '../../sandbox/story.ts';
import { type TargetView, targetViews, type ViewedAccount } from '../../sandbox/target-view.ts';
import { until } from '../../sandbox/waiting.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export type Record<Type extends IdentityEventType> = Omit<TrailRecord, 'change'> & { readonly change: ChangeOf<Type> };

export interface PlayedSandbox {
  readonly sandbox: Sandbox;
  operator(service: string, operation: string, input: { readonly [name: string]: unknown }): Promise<{ readonly [name: string]: unknown }>;
  member(operation: 'add' | 'delete', groupDn: string, memberDns: readonly string[]): Promise<void>;
  /** Polls the directory, and waits until nothing is left to do. @throws Error when the poll fails */
  seen(): Promise<void>;
  /** Polls the directory, and waits for nothing. */
  poll(): Promise<void>;
  records<Type extends IdentityEventType>(type: Type): Promise<readonly Record<Type>[]>;
  /** Waits for a record. */
  told<Type extends IdentityEventType>(type: Type, isIt?: (record: Record<Type>) => boolean): Promise<Record<Type>>;
  view(target: string): TargetView;
  account(target: string, dn: string): Promise<ViewedAccount | undefined>;
  /** `npm run <script> -- <args>`, as an operator of this sandbox. */
  command(
    script: 'audit' | 'guard' | 'decide',
    ...args: readonly string[]
  ): Promise<{ code: number | null; stdout: string; stderr: string }>;
  stop(): Promise<void>;
}

export interface Played {
  readonly environment: keyof typeof environments;
  /** What is to be other than the example has it. */
  readonly change?: (props: ActiveDirectoryIntegrationProps) => ActiveDirectoryIntegrationProps;
  readonly beforeFirstPoll?: (population: Population, mappedGroupDn: string) => Promise<void>;
  readonly vault?: SandboxVault;
}

export async function playedSandbox({ environment, change = (props) => props, beforeFirstPoll, vault }: Played): Promise<PlayedSandbox> {
  const outdir = mkdtempSync(join(tmpdir(), 'played-sandbox-'));
  const app = new App({ outdir });
  new EnvironmentStack(app, environment, (variables) => change(environments[environment](variables)));
  app.synth();
  const sandbox = await startSandbox({
    environment,
    pollSeconds: 3600,
    progress: progressTo(() => {}),
    stackDirectory: join(outdir, 'stacks', environment),
    ...(beforeFirstPoll && { beforeFirstPoll }),
    ...(vault && { vault }),
  }).finally(() => rmSync(outdir, { recursive: true }));
  const { endpoint, runtime, population } = sandbox;
  runtime.pauseSchedules();
  await runtime.idle();
  const records = async <Type extends IdentityEventType>(type: Type) =>
    (await auditTrail(sandbox)).filter((record) => record.type === type) as unknown as readonly Record<Type>[];
  const poll = async () => {
    const { functionError } = await runtime.invoke('detect-changes-corp', {});
    if (functionError !== undefined) throw new Error(functionError);
  };
  const view = (target: string) => {
    const found = targetViews(sandbox).find(({ name }) => name === target);
    if (found === undefined) throw new Error(`no target ${target}`);
    return found;
  };
  return {
    sandbox,
    operator: (service, operation, input) => endpoint.call('operator', service, operation, input),
    member: (operation, groupDn, memberDns) => changeAttribute(population.admin, groupDn, operation, 'member', memberDns),
    poll,
    async seen() {
      await poll();
      await runtime.idle();
    },
    records,
    told: (type, isIt = () => true) => until(type, async () => (await records(type)).find(isIt)),
    view,
    account: async (target, dn) => view(target).accountOf(await guidOf(sandbox, dn)),
    async command(script, ...args) {
      const child = spawn('npm', ['run', '--silent', script, '--', ...args], {
        cwd: root,
        env: {
          ...process.env,
          AWS_ENDPOINT_URL: endpoint.url,
          AWS_REGION: endpoint.region,
          AWS_ACCESS_KEY_ID: endpoint.operator.accessKeyId,
          AWS_SECRET_ACCESS_KEY: endpoint.operator.secretAccessKey,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      return { code: await ended, stdout, stderr };
    },
    stop: () => sandbox.stop(),
  };
}

/** Users of these names, also their sAMAccountNames. @returns their distinguished names */
export async function createPeople({ admin, usersDn }: Population, names: readonly string[]): Promise<readonly string[]> {
  return await Promise.all(names.map((name) => createUser(admin, usersDn, name, { sAMAccountName: name })));
}
