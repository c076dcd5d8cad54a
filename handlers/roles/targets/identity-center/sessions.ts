/**
 * Sessions: disabling or deleting a user does not end those that permission sets gave, for up to twelve hours. A denial in the permission
 * sets' inline policies does, once it is provisioned.
 *
 * Whose sessions are cut stands in a ledger first, and the policy is written from it, again and again until what was written is what the
 * ledger says by then. Two functions that do this at once so cannot lose each other's denial: the one that overwrites the other's policy
 * with an older one sees that the ledger has gone on. Where it dies before it can, its message comes again, and `sweep` looks after all.
 */
import {
  DeleteInlinePolicyFromPermissionSetCommand,
  DescribePermissionSetProvisioningStatusCommand,
  GetInlinePolicyForPermissionSetCommand,
  ProvisionPermissionSetCommand,
  PutInlinePolicyToPermissionSetCommand,
  type SSOAdminClient,
} from '@aws-sdk/client-sso-admin';
import { RetryableError } from '../../../platform/errors.ts';
import { exclusive } from '../../../platform/exclusive.ts';
import { type Sessions, TargetConflictError } from '../../target.ts';
import type { CutSessions, SessionLedger } from './session-ledger.ts';
import { withDenial } from './session-policy.ts';
import type { AccountAccess } from './settings.ts';
import { afterOthers, answered } from './waiting.ts';

export interface SessionsDependencies {
  readonly client: Pick<SSOAdminClient, 'send'>;
  readonly access: Pick<AccountAccess, 'instanceArn' | 'permissionSets'>;
  readonly ledger: SessionLedger;
  readonly sessionHours: number;
  readonly now: () => Date;
}

/** Writes of one entry by others that we give way to before we leave it to the next attempt. */
const patience = 20;
/** Provisioning takes seconds; a function has minutes. */
const provisioningSeconds = 45;

export function sessions({ client, access, ledger, sessionHours, now }: SessionsDependencies): Sessions {
  const { instanceArn: InstanceArn, permissionSets } = access;

  function arnOf(permissionSet: string): string {
    const arn = Object.hasOwn(permissionSets, permissionSet) ? permissionSets[permissionSet] : undefined;
    if (arn !== undefined) return arn;
    throw new TargetConflictError(
      `permission set "${permissionSet}" is none of the target's: the sessions it gave cannot be cut`,
      "add it to the target's permissionSets until they have ended",
    );
  }

  /** Of one process one at a time writes an entry: they would only push each other aside. */
  const oneByOne = exclusive();

  /** Writes what `change` makes of an entry. @returns whether it changed anything */
  const amend = (permissionSet: string, change: (users: CutSessions['users']) => CutSessions['users']): Promise<boolean> =>
    oneByOne(permissionSet, () => amendOne(permissionSet, change));

  async function amendOne(permissionSet: string, change: (users: CutSessions['users']) => CutSessions['users']): Promise<boolean> {
    for (let attempt = 0; attempt < patience; attempt += 1) {
      const entry = (await ledger.read(permissionSet)) ?? { permissionSet, version: 0, users: {} };
      const users = change(entry.users);
      if (users === entry.users) return false;
      if (await ledger.write({ permissionSet, version: entry.version + 1, users, pending: true })) return true;
    }
    throw new RetryableError(`other functions keep changing the cut sessions of permission set "${permissionSet}": tried again later`);
  }

  /** Makes the permission set's policy what the ledger says, everywhere it is provisioned. */
  async function render(permissionSet: string): Promise<void> {
    const PermissionSetArn = arnOf(permissionSet);
    const set = { InstanceArn, PermissionSetArn };
    for (let attempt = 0; attempt < patience; attempt += 1) {
      const entry = await ledger.read(permissionSet);
      if (entry === undefined) return;
      const users = stillDenied(entry.users);
      const { InlinePolicy = '' } = await client.send(new GetInlinePolicyForPermissionSetCommand(set));
      const next = withDenial(permissionSet, InlinePolicy, Object.keys(users));
      if (next !== undefined) await replacePolicy(permissionSet, PermissionSetArn, next);
      if (next === undefined && entry.pending === undefined && users === entry.users) return;
      if (next !== undefined || entry.pending) await provision(permissionSet, PermissionSetArn);
      if (await ledger.write({ permissionSet, version: entry.version + 1, users })) return;
    }
    throw new RetryableError(`other functions keep changing the cut sessions of permission set "${permissionSet}": tried again later`);
  }

  /** The users whose sessions may still last; the same object when all may. */
  function stillDenied(users: CutSessions['users']): CutSessions['users'] {
    const lasting = Object.entries(users).filter(([, until]) => Date.parse(until) > now().getTime());
    return lasting.length === Object.keys(users).length ? users : Object.fromEntries(lasting);
  }

  const replacePolicy = (permissionSet: string, PermissionSetArn: string, InlinePolicy: string): Promise<unknown> =>
    afterOthers(`the end of another change of permission set "${permissionSet}"`, 10, () =>
      InlinePolicy === ''
        ? client.send(new DeleteInlinePolicyFromPermissionSetCommand({ InstanceArn, PermissionSetArn }))
        : client.send(new PutInlinePolicyToPermissionSetCommand({ InstanceArn, PermissionSetArn, InlinePolicy })),
    );

  async function provision(permissionSet: string, PermissionSetArn: string): Promise<void> {
    const what = `provisioning of permission set "${permissionSet}"`;
    const input = { InstanceArn, PermissionSetArn, TargetType: 'ALL_PROVISIONED_ACCOUNTS' } as const;
    const { PermissionSetProvisioningStatus: started } = await afterOthers(`the end of another ${what}`, provisioningSeconds, () =>
      client.send(new ProvisionPermissionSetCommand(input)),
    );
    const { Status, FailureReason } = await answered(`the end of the ${what}`, provisioningSeconds, async () => {
      if (started?.Status !== 'IN_PROGRESS') return started ?? {};
      const asked = { InstanceArn, ProvisionPermissionSetRequestId: started.RequestId };
      const { PermissionSetProvisioningStatus: status = {} } = await client.send(new DescribePermissionSetProvisioningStatusCommand(asked));
      return status.Status === 'IN_PROGRESS' ? undefined : status;
    });
    if (Status !== 'SUCCEEDED') throw new RetryableError(`${what} failed: ${FailureReason ?? 'no reason given'}`);
  }

  const rendered = sharing(render);

  return {
    async cut(accountId, names) {
      const until = new Date(now().getTime() + sessionHours * 3_600_000).toISOString();
      for (const name of names) arnOf(name);
      // Several at once, and one after the other for each set: calls are few, waiting is long.
      await Promise.all(
        names.map(async (name) => {
          await amend(name, (users) => ({ ...users, [accountId]: until }));
          await rendered(name);
        }),
      );
      return until;
    },

    async restore(accountId, names) {
      await Promise.all(
        names.map(async (name) => {
          const changed = await amend(name, (users) => without(users, accountId));
          if (changed || (await ledger.read(name))?.pending) await rendered(name);
        }),
      );
    },

    async sweep() {
      for (const name of Object.keys(permissionSets)) await rendered(name);
    },
  };
}

function without(users: CutSessions['users'], accountId: string): CutSessions['users'] {
  if (!Object.hasOwn(users, accountId)) return users;
  const { [accountId]: _, ...others } = users;
  return others;
}

/**
 * Shares work among its callers: whoever asks while it runs gets the next run, together with all who ask meanwhile. A hundred people who
 * leave at once cost a few provisionings of a permission set, not a hundred.
 */
function sharing(work: (key: string) => Promise<void>): (key: string) => Promise<void> {
  const running = new Map<string, Promise<void>>();
  const waiting = new Map<string, Promise<void>>();
  const run = (key: string): Promise<void> => {
    waiting.delete(key);
    const done = work(key).finally(() => {
      if (running.get(key) === done) running.delete(key);
    });
    running.set(key, done);
    return done;
  };
  return (key) => {
    const [current, shared] = [running.get(key), waiting.get(key)];
    if (shared !== undefined) return shared;
    if (current === undefined) return run(key);
    const next = current.then(
      () => run(key),
      () => run(key),
    );
    waiting.set(key, next);
    return next;
  };
}
