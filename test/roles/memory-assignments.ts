/** Assignments and sessions of the target in memory: what is asked for is under way for one question, and then so. */
import { randomUUID } from 'node:crypto';
import type { Assignment } from '../../handlers/events/catalogue.ts';
import { type Assignments, type Sessions, TargetConflictError } from '../../handlers/roles/target.ts';
import type { AssignmentWorld, Pace, SessionWorld } from './target-world.ts';

interface Request {
  readonly kind: 'create' | 'remove';
  readonly roleId: string;
  readonly assignment: Assignment;
  readonly failure: string | undefined;
  asked: boolean;
}

export interface MemoryAssignments {
  readonly world: AssignmentWorld & {
    /** The next request ends in failure, for that reason. */
    failNext(reason: string): void;
  };
  readonly sessionWorld: SessionWorld;
  assignments(pace: Pace): Assignments;
  sessions(pace: Pace): Sessions;
  dropRole(roleId: string): void;
  clear(): void;
}

const sessionMs = 12 * 3_600_000;

export function memoryAssignments(
  accounts: readonly string[] = ['111122223333', '444455556666'],
  permissionSets: readonly string[] = ['ReadOnly', 'Administrator'],
): MemoryAssignments {
  const made = new Map<string, { readonly roleId: string; readonly assignment: Assignment }>();
  const requests = new Map<string, Request>();
  const cuts = new Set<string>();
  const failures: string[] = [];
  const keyOf = (roleId: string, { account, permissionSet }: Assignment) => JSON.stringify([roleId, account, permissionSet]);
  const add = (roleId: string, assignment: Assignment) => void made.set(keyOf(roleId, assignment), { roleId, assignment });
  const remove = (roleId: string, assignment: Assignment) => void made.delete(keyOf(roleId, assignment));
  const list = (roleId: string) => [...made.values()].filter((one) => one.roleId === roleId).map(({ assignment }) => assignment);
  const start = (kind: Request['kind'], roleId: string, assignment: Assignment) => {
    const isSo = made.has(keyOf(roleId, assignment)) === (kind === 'create');
    if (isSo) return undefined;
    const underWay = [...requests].find(
      ([, request]) => request.kind === kind && keyOf(request.roleId, request.assignment) === keyOf(roleId, assignment),
    );
    if (underWay) return underWay[0];
    const id = randomUUID();
    requests.set(id, { kind, roleId, assignment, failure: failures.shift(), asked: false });
    return id;
  };
  const cutKey = (accountId: string, permissionSet: string) => JSON.stringify([accountId, permissionSet]);

  return {
    world: {
      accounts,
      permissionSets,
      look: async (roleId) => list(roleId),
      add: async (roleId, assignment) => add(roleId, assignment),
      remove: async (roleId, assignment) => remove(roleId, assignment),
      failNext: (reason) => void failures.push(reason),
    },
    sessionWorld: {
      look: async () =>
        [...cuts].map((key) => {
          const [accountId = '', permissionSet = ''] = JSON.parse(key) as string[];
          return { accountId, permissionSet };
        }),
    },
    assignments: (pace) => ({
      create: (roleId, assignment) =>
        pace(async () => {
          if (!accounts.includes(assignment.account) || !permissionSets.includes(assignment.permissionSet)) {
            throw new TargetConflictError(
              `${assignment.permissionSet} in ${assignment.account} is not ours`,
              'assign what the target names',
            );
          }
          return start('create', roleId, assignment);
        }),
      remove: (roleId, assignment) => pace(async () => start('remove', roleId, assignment)),
      state: (id, kind) =>
        pace(async () => {
          const request = requests.get(id);
          if (request === undefined || request.kind !== kind) return { state: 'failed', reason: `no request ${id} to ${kind}` };
          if (!request.asked) {
            request.asked = true;
            return { state: 'under-way' };
          }
          requests.delete(id);
          if (request.failure !== undefined) return { state: 'failed', reason: request.failure };
          (kind === 'create' ? add : remove)(request.roleId, request.assignment);
          return { state: 'done' };
        }),
      list: (roleId) => pace(async () => list(roleId)),
    }),
    sessions: (pace) => ({
      cut: (accountId, sets) =>
        pace(async () => {
          for (const permissionSet of sets) cuts.add(cutKey(accountId, permissionSet));
          return new Date(Date.now() + sessionMs).toISOString();
        }),
      restore: (accountId, sets) =>
        pace(async () => {
          for (const permissionSet of sets) cuts.delete(cutKey(accountId, permissionSet));
        }),
      // Every session here is of this moment: none has ended by itself.
      sweep: () => pace(async () => {}),
    }),
    dropRole(roleId) {
      for (const [key, one] of made) if (one.roleId === roleId) made.delete(key);
    },
    clear() {
      for (const all of [made, requests, cuts]) all.clear();
      failures.length = 0;
    },
  };
}
