/** Runs what a stack deploys: its functions, and everything that invokes them. */
import { tmpdir } from 'node:os';
import type { AwsEndpoint } from '../aws/endpoint.ts';
import { AwsError } from '../aws/error.ts';
import type { AppliedStack, Schedule } from '../terraform/applied-stack.ts';
import { AsynchronousInvocations } from './asynchronous-invocations.ts';
import { FunctionHost, type Invocation } from './function-host.ts';
import { attachToNetwork, type NetworkAttachment } from './network-attachment.ts';
import { ScheduleTimer } from './schedule.ts';
import { SqsPoller } from './sqs-poller.ts';
import { StreamPoller } from './stream-poller.ts';

export type { Invocation } from './function-host.ts';

export interface InvokeResult {
  readonly payload: unknown;
  /** The error, as Lambda answers it in `payload`, in one line. */
  readonly functionError?: string;
  readonly durationMs: number;
  readonly logs: readonly string[];
}

export interface Runtime {
  /** Attaches functions to the network, prepares one environment of each, and starts pollers and schedules. */
  start(): Promise<void>;
  /**
   * Invokes a function and waits for its answer.
   *
   * @param functionName the function's name at AWS, or its end: `detect-changes`
   */
  invoke(functionName: string, payload: unknown): Promise<InvokeResult>;
  pauseSchedules(): void;
  resumeSchedules(): void;
  /** A crash: environments end, invocations in progress fail. */
  killEnvironments(functionName: string): Promise<void>;
  /**
   * Resolves when nothing is left to do: queues, streams and log subscriptions are drained and nothing runs.
   *
   * @param timeoutMs @default 30,000
   * @throws Error that names what is left
   */
  idle(timeoutMs?: number): Promise<void>;
  readonly invocations: readonly Invocation[];
  /** What Lambda would only show in a metric: denied polls, lost log lines, batches left in a queue. */
  readonly problems: readonly string[];
  /** @returns what removes the listener */
  onInvocation(listener: (invocation: Invocation) => void): () => void;
  stop(): Promise<void>;
}

export interface RuntimeOptions {
  readonly endpoint: AwsEndpoint;
  readonly stack: AppliedStack;
  /** The VPC's names and their addresses: what functions in the VPC can resolve and reach. */
  readonly hosts: Readonly<Record<string, string>>;
  /** `host:port` of what stands in for the internet: what functions outside a VPC reach. @default nothing */
  readonly internet?: readonly string[];
  /** Period of a schedule in seconds, in place of its own; undefined: its own. */
  readonly period?: (schedule: Schedule) => number | undefined;
  /** Where zips are unpacked; the folders are removed when the runtime stops. @default the system's folder for temporary files */
  readonly directory?: string;
  /** Told of every problem as it occurs. */
  readonly progress?: (message: string) => void;
}

export function createRuntime({ endpoint, stack, hosts, internet = [], period, directory = tmpdir(), progress }: RuntimeOptions): Runtime {
  const invocations: Invocation[] = [];
  const problems: string[] = [];
  const listeners = new Set<(invocation: Invocation) => void>();
  const attachments: NetworkAttachment[] = [];
  const onProblem = (problem: string) => {
    problems.push(problem);
    progress?.(problem);
  };
  const onInvocation = (invocation: Invocation) => {
    invocations.push(invocation);
    for (const listener of listeners) listener(invocation);
  };

  const functions = new Map(
    [...stack.functions.values()].map((settings) => {
      const host = new FunctionHost({ settings, endpoint, hosts, internet, directory, onInvocation, onProblem });
      return [settings.name, { host, asynchronous: new AsynchronousInvocations(host, endpoint, onProblem) }] as const;
    }),
  );
  const functionNamed = (name: string) => {
    const exact = functions.get(name);
    if (exact !== undefined) return exact;
    const found = [...functions.keys()].filter((candidate) => candidate.endsWith(name));
    const only = found.length === 1 ? functions.get(String(found[0])) : undefined;
    if (only === undefined)
      throw new Error(`${found.length} functions are named "${name}": name one of ${[...functions.keys()].join(', ')}`);
    return only;
  };
  const pollers = stack.eventSources.map((mapping) => {
    const { host } = functionNamed(mapping.functionName);
    const Poller = mapping.kind === 'sqs' ? SqsPoller : StreamPoller;
    return { name: mapping.sourceArn, poller: new Poller(mapping, host, endpoint, onProblem) };
  });
  const timers = stack.schedules.map((schedule) => new ScheduleTimer(schedule, endpoint, period?.(schedule), onProblem));

  endpoint.onInvoke(async ({ functionName, payload, invocationType }) => {
    const named = functions.get(functionName);
    if (named === undefined) throw new AwsError('ResourceNotFoundException', `the stack has no function ${functionName}`, 404);
    if (invocationType === 'Event') {
      named.asynchronous.accept(payload);
      return { payload: '' };
    }
    const { outcome } = await named.host.invoke(payload);
    return outcome.error === undefined ? { payload: outcome.payload } : { payload: outcome.payload, functionError: 'Unhandled' };
  });

  async function left(): Promise<readonly string[]> {
    const running = [...functions].filter(([, { host, asynchronous }]) => host.running + asynchronous.pending > 0).map(([name]) => name);
    const counted = await Promise.all(pollers.map(async ({ name, poller }) => ({ name, count: await poller.backlog() })));
    const events = endpoint.pendingLogDeliveries;
    return [
      ...running,
      ...counted.filter(({ count }) => count > 0).map(({ name, count }) => `${name} (${count})`),
      ...(events > 0 ? [`log subscriptions (${events})`] : []),
    ];
  }

  return {
    invocations,
    problems,
    async start() {
      for (const { host } of functions.values()) {
        const { name, inVpc, subnetIds, securityGroupIds } = host.settings;
        if (!inVpc) continue;
        try {
          attachments.push(await attachToNetwork(endpoint, host.caller, { subnetIds, securityGroupIds }));
        } catch (cause) {
          const reason = cause instanceof Error ? cause.message : String(cause);
          throw new Error(`${name} cannot be attached to its VPC: ${reason}`, { cause });
        }
      }
      await Promise.all([...functions.values()].map(({ host }) => host.warm()));
      for (const { poller } of pollers) poller.start();
      for (const timer of timers) timer.start();
    },
    async invoke(functionName, payload) {
      const { outcome, durationMs, logs } = await functionNamed(functionName).host.invoke(JSON.stringify(payload));
      const { error } = outcome;
      return {
        payload: JSON.parse(outcome.payload) as unknown,
        ...(error && { functionError: `${error.errorType}: ${error.errorMessage}` }),
        durationMs,
        logs,
      };
    },
    pauseSchedules() {
      for (const timer of timers) timer.paused = true;
    },
    resumeSchedules() {
      for (const timer of timers) timer.paused = false;
    },
    killEnvironments: (functionName) => functionNamed(functionName).host.killEnvironments(),
    async idle(timeoutMs = 30_000) {
      const until = Date.now() + timeoutMs;
      // Events on their way from the bus to a queue are in neither, so idleness has to last.
      do {
        for (let quiet = 0; quiet < 3; ) {
          const remaining = await left();
          quiet = remaining.length === 0 ? quiet + 1 : 0;
          if (remaining.length > 0 && Date.now() > until) throw new Error(`still busy after ${timeoutMs} ms: ${remaining.join(', ')}`);
          await new Promise((resolve) => setTimeout(resolve, 15));
        }
        // What the functions logged may be subscribed to.
        await Promise.all([...functions.values()].map(({ host }) => host.settle()));
      } while (endpoint.pendingLogDeliveries > 0);
    },
    onInvocation(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async stop() {
      await Promise.all(timers.map((timer) => timer.stop()));
      const stopping = pollers.map(({ poller }) => poller.stop());
      await Promise.all([...functions.values()].map(({ asynchronous }) => asynchronous.stop()));
      await Promise.all([...functions.values()].map(({ host }) => host.stop()));
      await Promise.all(stopping);
      for (const attachment of attachments.splice(0)) {
        await attachment.detach().catch((error: Error) => onProblem(`a function was not detached from its VPC: ${error.message}`));
      }
    },
  };
}
