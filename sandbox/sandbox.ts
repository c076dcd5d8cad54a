/** The whole integration on one machine: a synthesized environment, a real domain controller, the AWS endpoint and the real zips. */
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AwsEndpoint, startEndpoint } from './aws/endpoint.ts';
import { credentialsOf, introduceTo, prepareCredentials, type SandboxVault } from './credentials.ts';
import { checkMachine, type DomainController, startDomainController } from './domain-controller/index.ts';
import { type Population, populate } from './domain-controller/population.ts';
import { functionSetting, isDetectChanges } from './function-setting.ts';
import { unlessAborted } from './interruption.ts';
import { outsideKeys, outsideLogGroups, outsidePolicies } from './outside-the-stack.ts';
import { createOwnedFolder, removeAbandonedFolders, removeWithOwner } from './owned-folder.ts';
import type { Progress } from './progress.ts';
import { createPermissionSets, enableIdentityTokens, identityCenterAccountOf, targetsInTemplate, targetsOf } from './role-targets.ts';
import { createRuntime, type Runtime } from './runtime/index.ts';
import { type ScimServer, startScimServer } from './scim-server.ts';
import { synthesize } from './synthesis.ts';
import type { AppliedStack } from './terraform/applied-stack.ts';
import { applyStack } from './terraform/apply-stack.ts';
import { loadTemplate, type Template } from './terraform/template.ts';
import { until } from './waiting.ts';

export interface SandboxOptions {
  readonly environment: string;
  /** Seconds between two polls. */
  readonly pollSeconds: number;
  readonly progress: Progress;
  /** Ends the start; a sandbox that runs is ended by `stop`. */
  readonly signal?: AbortSignal;
  /** A stack folder that is synthesized already; its own is made otherwise. */
  readonly stackDirectory?: string;
  /** Stack folders of other accounts, with roles that the environment's functions assume. */
  readonly otherAccounts?: readonly string[];
  /** Where credentials of the stack are kept in a vault. @default there is none */
  readonly vault?: SandboxVault;
  /** What to change in the domain before the first poll sees it. */
  readonly beforeFirstPoll?: (population: Population, mappedGroupDn: string, controller: DomainController) => Promise<void>;
  /** Longest wait for the first poll. @default 60,000 */
  readonly snapshotTimeoutMs?: number;
}

export interface Sandbox {
  readonly stack: AppliedStack;
  readonly endpoint: AwsEndpoint;
  readonly runtime: Runtime;
  readonly controller: DomainController;
  readonly population: Population;
  /** What the stack's SCIM targets are, where it has any. */
  readonly scim: ScimServer | undefined;
  /** Groups of the domain that the environment's role mappings select. */
  readonly mappedGroupDn: string;
  readonly unmappedGroupDn: string;
  /** Ends everything that was started and removes what was written. Idempotent. */
  stop(): Promise<void>;
}

/** A group of the sandbox's domain that the example's role mappings select by name, and one that none selects. */
const mappedGroup = 'AWS-Developers';
const unmappedGroup = 'Book-Club';

const folderPrefix = 'active-directory-lambda-sandbox';

/**
 * Starts the sandbox and runs the first poll, so that what follows is change.
 *
 * @throws Error when a part does not start; what had started is stopped
 */
export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { progress, signal = new AbortController().signal } = options;
  const step = <T>(title: string, work: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return progress.step(title, () => unlessAborted(signal, work()));
  };
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const one of undo.splice(0).reverse()) await one();
  };
  try {
    await unlessAborted(signal, checkMachine(progress.note));
    const folder = await createOwnedFolder(tmpdir(), folderPrefix, 'TMPDIR');
    undo.push(removeWithOwner(folder));
    await removeAbandonedFolders(tmpdir(), folderPrefix);

    const [stackDirectory, controller] = await both(
      signal,
      async (ended) =>
        options.stackDirectory ??
        (await progress.step(`synthesize ${options.environment}`, () =>
          unlessAborted(ended, synthesize(options.environment, join(folder, 'cdktf.out'), ended)),
        )),
      (ended) =>
        // Waited for when it is aborted too: it stops what it has started.
        progress.step('start the domain controller', async () => {
          const running = await startDomainController({ progress: progress.note, signal: ended, aliases: [secondController] });
          undo.push(() => running.stop());
          return running;
        }),
    );

    const population = await step('create the connector account, people and groups', () =>
      populate(controller, [mappedGroup, unmappedGroup]),
    );
    undo.push(() => population.admin.unbind());
    const mappedGroupDn = `CN=${mappedGroup},${population.groupsDn}`;
    signal.throwIfAborted();
    await options.beforeFirstPoll?.(population, mappedGroupDn, controller);

    const template = loadTemplate(stackDirectory);
    const endpoint = await step('start the AWS endpoint', () => startEndpoint(settingsOf(template)));
    undo.push(() => endpoint.close());
    const scimToken = randomBytes(24).toString('base64url');
    const scim = targetsInTemplate(template).some(({ kind }) => kind === 'scim')
      ? await step('start the SCIM server', () => startScimServer({ accepts: (token) => token === scimToken }))
      : undefined;
    if (scim) undo.push(() => scim.close());

    const stack = await step('apply the synthesized stack', async () => {
      for (const logGroupName of outsideLogGroups(template)) await endpoint.call('operator', 'logs', 'CreateLogGroup', { logGroupName });
      for (const KeyId of outsideKeys(template)) await endpoint.call('operator', 'kms', 'CreateKey', { KeyId });
      const applied = await applyStack({
        stackDirectory,
        endpoint,
        variables: { directory_ca: controller.ca, ...(scim && { scim_endpoint: scim.url }) },
        policies: outsidePolicies(template),
        directory: {
          id: 'd-9067f0a1b2',
          domain: controller.domain,
          dnsIpAddresses: [controller.address],
          securityGroupId: 'sg-09a8b7c6d5e4f3021',
        },
      });
      for (const other of options.otherAccounts ?? []) await applyOtherAccount(other, endpoint);
      return applied;
    });
    await step('put the secrets, and make the permission sets', async () => {
      const bindSecretArn = functionSetting(stack, 'BIND_SECRET_ARN');
      const credentials = await credentialsOf(stack, endpoint);
      const bind = { username: population.bindDn, password: population.bindPassword };
      // Where the connector's account rotates, the accounts are those of its credential.
      if (!credentials.some(({ place }) => place === bindSecretArn)) await putSecret(endpoint, bindSecretArn, JSON.stringify(bind));
      const { vault } = options;
      if (vault) await introduceTo(vault, endpoint);
      await prepareCredentials(credentials, { controller, population, bindSecretArn }, async ({ place, inVault, settings }, value) => {
        if (!inVault) await putSecret(endpoint, place, JSON.stringify(value));
        else if (vault) vault.put(place, value);
        else throw new Error(`credential "${settings.name}" is kept in a vault, and the sandbox was started without one: give it a secret`);
      });
      for (const SecretId of secretsOfTargets(stack)) await putSecret(endpoint, SecretId, scimToken);
      await createPermissionSets(endpoint, targetsOf(stack));
      await enableIdentityTokens(endpoint, targetsOf(stack));
    });

    const runtime = createRuntime({
      endpoint,
      stack,
      // The vault is in the VPC: a security group lets a function reach its port.
      hosts: { ...hostsOf(controller), ...(options.vault && { 'vault.example.com': options.vault.address }) },
      internet: scim ? [new URL(scim.url).host] : [],
      directory: folder,
      // Polls alone are compressed: what else is on a schedule is made for the time between.
      period: ({ targetArn }) => (isDetectChanges(stack, targetArn.split(':').at(-1) ?? '') ? options.pollSeconds : undefined),
      progress: progress.note,
    });
    undo.push(() => runtime.stop());
    await step('start the functions', () => runtime.start());
    await step('first poll: snapshot of the directory', async () => {
      await untilSnapshot(endpoint, stack, signal, options.snapshotTimeoutMs ?? 60_000);
      await runtime.idle();
    });
    return {
      stack,
      endpoint,
      runtime,
      controller,
      population,
      scim,
      mappedGroupDn,
      unmappedGroupDn: `CN=${unmappedGroup},${population.groupsDn}`,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Does two things at once. When one fails the other is aborted and waited for; the error is the first one. */
async function both<A, B>(
  signal: AbortSignal,
  one: (ended: AbortSignal) => Promise<A>,
  other: (ended: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const failure = new AbortController();
  const ended = AbortSignal.any([signal, failure.signal]);
  const abort = (error: unknown): never => {
    failure.abort(error);
    throw error;
  };
  const [first, second] = await Promise.allSettled([one(ended).catch(abort), other(ended).catch(abort)]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled') return [first.value, second.value];
  throw ended.reason;
}

/** Region, account and identity store as the stack itself names them. */
function settingsOf(template: Template): { region: string; account: string; identityStoreId: string; identityCenterAccount?: string } {
  const targets = targetsInTemplate(template);
  const identityStoreId = targets.find(({ settings }) => settings.identityStoreId)?.settings.identityStoreId;
  const identityCenterAccount = identityCenterAccountOf(targets);
  const account = template.account;
  if (identityStoreId === undefined)
    throw new Error('the stack has no target with an identity store: synthesize an environment of examples/');
  if (account === undefined) throw new Error('the aws provider has no allowed_account_ids: name the account that the environment is for');
  return { region: template.region, account, identityStoreId, ...(identityCenterAccount && { identityCenterAccount }) };
}

/** The stack of an account that the environment reaches into. */
async function applyOtherAccount(stackDirectory: string, endpoint: AwsEndpoint): Promise<void> {
  const { account } = loadTemplate(stackDirectory);
  if (account === undefined) throw new Error(`${stackDirectory}: the aws provider has no allowed_account_ids: name the stack's account`);
  await applyStack({ stackDirectory, endpoint, account, variables: {} });
}

/** Where an environment names two domain controllers, one answers by both names. */
const secondController = 'dc2.corp.example.com';

/** The names that the VPC's resolver knows: the domain, and its domain controllers. */
function hostsOf(controller: DomainController): Record<string, string> {
  const names = [controller.domain, controller.host, secondController];
  return Object.fromEntries(names.map((name) => [name, controller.address]));
}

const secretsOfTargets = ({ functions }: AppliedStack): ReadonlySet<string> =>
  new Set(
    [...functions.values()].flatMap(({ environment: { TARGET_SECRET_ARN = 'none' } }) =>
      TARGET_SECRET_ARN === 'none' ? [] : [TARGET_SECRET_ARN],
    ),
  );

/** What a team does after the first apply: Terraform created the secret without a value, or the stack names one that exists. */
async function putSecret(endpoint: AwsEndpoint, SecretId: string, SecretString: string): Promise<void> {
  const made = await endpoint.call('operator', 'secretsmanager', 'DescribeSecret', { SecretId }).catch((error: Error) => {
    if (error.name !== 'ResourceNotFoundException') throw error;
    return undefined;
  });
  if (made === undefined) {
    const [, Name, ArnSuffix] = /:secret:(.+)-(\w{6})$/.exec(SecretId) ?? [];
    await endpoint.call('operator', 'secretsmanager', 'CreateSecret', { Name, ArnSuffix });
  }
  await endpoint.call('operator', 'secretsmanager', 'PutSecretValue', { SecretId, SecretString });
}

/** Waits for the status row that the first complete poll writes. */
async function untilSnapshot(endpoint: AwsEndpoint, stack: AppliedStack, signal: AbortSignal, timeoutMs: number): Promise<void> {
  const TableName = functionSetting(stack, 'DIRECTORY_TABLE');
  const Key = { pk: { S: `${functionSetting(stack, 'DIRECTORY_DOMAIN')}#status` }, sk: { S: 'status' } };
  const completed = async () => {
    // Nobody may read from a table that is being closed.
    signal.throwIfAborted();
    const { Item } = await endpoint.call('operator', 'dynamodb', 'GetItem', { TableName, Key, ConsistentRead: true });
    const item = Item as { snapshotCompleted?: unknown; reason?: { S: string } } | undefined;
    if (item?.reason && !item.snapshotCompleted) throw new Error(`the first poll failed: ${item.reason.S}`);
    return item?.snapshotCompleted;
  };
  await until('the end of the first poll (see the log group of detect-changes)', completed, timeoutMs);
}
