/** What guards hold back, and a person's word on it. */
import { setTimeout as pause } from 'node:timers/promises';
import { CommandError, errorText, UsageError } from '../../platform/command-errors.ts';
import { digestOf, type GuardDecision, guardDecided, mostDecided } from '../guard-decision.ts';
import { hasExpired } from '../guard-limits.ts';
import type { GuardStore } from '../guard-store.ts';
import type { Confirm } from './confirm.ts';
import { type Deployment, findDeployment } from './deployment.ts';
import { type GuardCommandLine, parseCommandLine, usage } from './options.ts';
import { guardJson, guardList, guardReport, type HoldingGuard } from './report.ts';

export interface GuardCommandSurroundings {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly confirm: Confirm;
  readonly now: () => Date;
  /** Longest wait until a decision is carried out. @default two minutes */
  readonly patienceMs?: number;
}

export const exitCodes = { done: 0, refused: 1, usage: 2 } as const;

const pollMs = 500;

/** @returns the exit code */
export async function guardCommand(args: readonly string[], surroundings: GuardCommandSurroundings): Promise<number> {
  try {
    const commandLine = parseCommandLine(args);
    if (commandLine === 'help') surroundings.out(usage);
    else await run(commandLine, surroundings);
    return exitCodes.done;
  } catch (error) {
    surroundings.error(errorText(error, usage));
    return error instanceof UsageError ? exitCodes.usage : exitCodes.refused;
  }
}

async function run(commandLine: GuardCommandLine, surroundings: GuardCommandSurroundings): Promise<void> {
  const deployment = await findDeployment(commandLine.prefix, commandLine.environment);
  try {
    if (commandLine.action === 'list') await list(deployment, commandLine, surroundings);
    else await on(deployment, commandLine, surroundings);
  } finally {
    deployment.close();
  }
}

async function list(deployment: Deployment, { json }: GuardCommandLine, { out, now }: GuardCommandSurroundings): Promise<void> {
  const held = (await allHeld(deployment)).filter(({ guard }) => !hasExpired(guard, now()));
  out(json ? `${JSON.stringify(held.map((one) => guardJson(one, covered(one))))}\n` : guardList(held));
}

async function on(deployment: Deployment, commandLine: GuardCommandLine, surroundings: GuardCommandSurroundings): Promise<void> {
  const { action, id, yes, json } = commandLine;
  const { out, error, now } = surroundings;
  const held = (await allHeld(deployment)).find(({ guard }) => guard.id === id);
  if (held === undefined) throw new CommandError(await whatBecameOf(deployment, id));
  if (hasExpired(held.guard, now()))
    throw new CommandError(`guard ${id} expired at ${held.guard.expiresAt}: what is asked for again trips the next one`);
  const { count, digest } = covered(held);
  if (action === 'show') {
    out(json ? `${JSON.stringify(guardJson(held, { count, digest }))}\n` : guardReport(held));
    return;
  }
  if (held.guard.decision)
    throw new CommandError(`guard ${id} was ${held.guard.decision.outcome} by ${held.guard.decision.by}: it is being carried out`);
  error(guardReport(held));
  if (count < held.staged.length) error(`one decision covers ${count}: the rest waits for the next\n`);
  if (!yes) await confirmed(commandLine, count, surroundings);
  const outcome = action === 'approve' ? 'approved' : 'rejected';
  const decision: GuardDecision = { target: held.target, guard: id, outcome, by: await deployment.caller(), staged: count, digest };
  const signature = await deployment.sign(decision);
  await deployment.publish([guardDecided(decision, signature, now().toISOString())]);
  const next = await settled(deployment, decision, surroundings);
  if (json) out(`${JSON.stringify({ ...decision, ...(next && { next }) })}\n`);
  else
    out(
      `guard ${id} of ${held.target} is released: ${count} ${outcome} by ${decision.by}\n${next ? `what came meanwhile waits as ${next}\n` : ''}`,
    );
}

async function confirmed({ action, id }: GuardCommandLine, count: number, { confirm }: GuardCommandSurroundings): Promise<void> {
  const answer = await confirm(`type the ID to ${action} these ${count}: `);
  if (answer === undefined) throw new UsageError(`nobody can confirm without a terminal: give --yes to ${action} without`);
  if (answer.trim() !== id) throw new CommandError('that is not the ID: nothing was decided');
}

const covered = ({ staged }: HoldingGuard): { count: number; digest: string } => {
  const first = staged.slice(0, mostDecided);
  return { count: first.length, digest: digestOf(first) };
};

async function allHeld({ stores }: Deployment): Promise<readonly HoldingGuard[]> {
  const held: HoldingGuard[] = [];
  for (const [target, store] of stores) {
    const { tripped } = (await store.read()).state;
    if (tripped === undefined) continue;
    held.push({ target, guard: tripped, staged: (await store.removalsOf(tripped.id)).filter(({ outcome }) => outcome === 'staged') });
  }
  return held;
}

async function whatBecameOf({ stores }: Deployment, id: string): Promise<string> {
  for (const store of stores.values()) {
    const known = (await store.read()).state.settled.find((one) => one.id === id);
    if (known !== undefined) return `guard ${id} is not open any more: ${known.outcome}${known.by ? ` by ${known.by}` : ''} at ${known.at}`;
  }
  return `there is no guard ${id}: "list" shows those that hold something back`;
}

/** Waits until settle-guard has carried the decision out. @returns the guard that holds back what came meanwhile */
async function settled(deployment: Deployment, { target, guard, outcome, by }: GuardDecision, surroundings: GuardCommandSurroundings) {
  const store = deployment.stores.get(target) as GuardStore;
  const { patienceMs = 120_000, now } = surroundings;
  for (const deadline = now().getTime() + patienceMs; ; await pause(pollMs)) {
    const { state } = await store.read();
    const known = state.settled.find((one) => one.id === guard);
    if (known?.outcome === outcome && known.by === by) return state.tripped?.id;
    if (known !== undefined)
      throw new CommandError(`guard ${guard} was ${known.outcome}${known.by ? ` by ${known.by}` : ''} before this decision came`);
    if (now().getTime() > deadline)
      throw new CommandError(
        `guard ${guard} is not settled after ${patienceMs / 1000} s: look for GUARD_DECISION_REFUSED in the log of settle-guard`,
      );
  }
}
