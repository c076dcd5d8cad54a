/** Runs one function: its execution environments, their reuse, and the limit of how many there may be. */
import { randomUUID } from 'node:crypto';
import type { AwsEndpoint, Caller } from '../aws/endpoint.ts';
import { AwsError } from '../aws/error.ts';
import type { AppliedFunction } from '../terraform/applied-stack.ts';
import { ExecutionEnvironment, type Outcome } from './execution-environment.ts';
import { type FunctionCode, unpack } from './function-code.ts';
import { FunctionLog } from './function-log.ts';
import { reportRecord, startRecord } from './platform-records.ts';
import { newTrace, sendSegment } from './tracing.ts';
import type { FunctionError } from './worker-messages.ts';

/** An account's concurrency, which functions without a reservation share (AWS Lambda Developer Guide, "Lambda quotas"). */
const accountConcurrency = 1000;

/** How long an invocation waits for an environment in use before another is started: a start takes two cores longer than most invocations. */
const startDelayMs = 25;

export interface Invocation {
  readonly functionName: string;
  readonly requestId: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly error?: string;
}

export interface InvocationResult extends Invocation {
  readonly outcome: Outcome;
  readonly logs: readonly string[];
}

export interface HostOptions {
  readonly settings: AppliedFunction;
  readonly endpoint: AwsEndpoint;
  readonly hosts: Readonly<Record<string, string>>;
  readonly internet: readonly string[];
  /** Where the zip is unpacked. */
  readonly directory: string;
  readonly onInvocation: (invocation: Invocation) => void;
  readonly onProblem: (problem: string) => void;
}

interface Acquired {
  readonly environment: ExecutionEnvironment;
  readonly initError?: FunctionError;
  readonly initDurationMs?: number;
}

export class FunctionHost {
  readonly settings: AppliedFunction;
  /** A session of the function's role in which Lambda itself polls, logs and traces: not the one that the function's code has. */
  readonly caller: Caller;
  readonly #options: HostOptions;
  readonly #log: FunctionLog;
  readonly #idle: ExecutionEnvironment[] = [];
  readonly #all = new Set<ExecutionEnvironment>();
  readonly #telemetry = new Set<Promise<void>>();
  #waiting: ((environment: ExecutionEnvironment) => void)[] = [];
  #code: FunctionCode | undefined;
  #running = 0;
  #stopped = false;

  constructor(options: HostOptions) {
    const { settings, endpoint, onProblem } = options;
    this.settings = settings;
    this.#options = options;
    this.caller = { roleArn: settings.roleArn, sessionName: `awslambda_${settings.name}`.slice(0, 64) };
    this.#log = new FunctionLog(endpoint, this.caller, settings.logGroup, onProblem);
  }

  get running(): number {
    return this.#running;
  }

  /** Prepares one environment, as provisioned concurrency would. What goes wrong in it is told by the first invocation. */
  async warm(): Promise<void> {
    if (this.#all.size > 0 || this.settings.reservedConcurrency === 0) return;
    const environment = this.#create();
    if ((await environment.initialized) === undefined) this.#free(environment);
  }

  /**
   * @param payload JSON
   * @throws AwsError TooManyRequestsException when all of the function's concurrency is in use
   */
  async invoke(payload: string): Promise<InvocationResult> {
    if (this.#stopped) throw stopping(this.settings.name);
    const { name, reservedConcurrency } = this.settings;
    if (this.#running >= (this.#options.endpoint.reservedConcurrency(name) ?? reservedConcurrency ?? accountConcurrency)) {
      throw new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429, {
        Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
      });
    }
    this.#running += 1;
    try {
      return await this.#run(payload);
    } finally {
      this.#running -= 1;
    }
  }

  /** Ends every environment, as a crash would: invocations in progress fail, the next one gets a new environment. */
  async killEnvironments(): Promise<void> {
    this.#idle.length = 0;
    // Forgotten before the wait: an environment that starts meanwhile is not among them.
    const killed = [...this.#all];
    this.#all.clear();
    await Promise.all(killed.map((environment) => environment.kill()));
  }

  /** Resolves when logs and traces of past invocations are delivered. */
  async settle(): Promise<void> {
    await this.#log.flush();
    await Promise.all(this.#telemetry);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.killEnvironments();
    await this.settle();
    this.#code?.remove();
  }

  async #run(payload: string): Promise<InvocationResult> {
    const { settings } = this;
    const requestId = randomUUID();
    const trace = newTrace();
    const { environment, initError, initDurationMs } = await this.#acquire();
    this.#write(environment, startRecord(settings, requestId));
    const startedAt = Date.now();
    const from = performance.now();
    const failedInit: Outcome | undefined = initError && { payload: JSON.stringify(initError), error: initError, status: 'error' };
    const deadline = startedAt + settings.timeoutSeconds * 1000;
    const outcome = failedInit
      ? { ...failedInit, lines: [] }
      : await environment.invoke({ requestId, payload, deadline, traceId: trace.header });
    const durationMs = performance.now() - from;
    this.#write(
      environment,
      reportRecord(settings, { requestId, durationMs, outcome, ...(initDurationMs !== undefined && { initDurationMs }) }),
    );
    this.#free(environment);
    if (outcome.error)
      this.#options.endpoint.count({ namespace: 'AWS/Lambda', name: 'Errors', dimensions: { FunctionName: settings.name } }, 1);
    if (settings.tracing) this.#trace({ trace, startedAt, endedAt: startedAt + durationMs, failed: outcome.status !== 'success' });
    const invocation = {
      functionName: settings.name,
      requestId,
      startedAt,
      durationMs,
      ...(outcome.error && { error: `${outcome.error.errorType}: ${outcome.error.errorMessage}` }),
    };
    this.#options.onInvocation(invocation);
    return { ...invocation, outcome, logs: outcome.lines };
  }

  /** An idle environment, or whichever comes first: one that becomes free, or a new one. */
  async #acquire(): Promise<Acquired> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.alive) return { environment: idle };
      this.#all.delete(idle);
    }
    return new Promise((resolve, reject) => {
      const freed = (environment: ExecutionEnvironment) => resolve({ environment });
      const start = async () => {
        if (!this.#waiting.includes(freed)) return;
        if (this.#stopped) return reject(stopping(this.settings.name));
        const created = this.#create();
        const initError = await created.initialized;
        const stillWaiting = this.#waiting.includes(freed);
        this.#waiting = this.#waiting.filter((waiter) => waiter !== freed);
        if (!stillWaiting) this.#free(created);
        else resolve({ environment: created, initDurationMs: created.initDurationMs, ...(initError && { initError }) });
      };
      this.#waiting.push(freed);
      if (this.#all.size === 0) void start();
      else setTimeout(() => void start(), startDelayMs);
    });
  }

  #create(): ExecutionEnvironment {
    const { settings, endpoint, hosts, internet, directory } = this.#options;
    this.#code ??= unpack(settings.zipPath, directory);
    const environment = new ExecutionEnvironment({ settings, endpoint, hosts, internet, taskRoot: this.#code.taskRoot, log: this.#log });
    this.#all.add(environment);
    return environment;
  }

  #free(environment: ExecutionEnvironment): void {
    if (!environment.alive) {
      this.#all.delete(environment);
      return;
    }
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#idle.push(environment);
    else waiter(environment);
  }

  #write(environment: ExecutionEnvironment, line: string | undefined): void {
    if (line !== undefined) this.#log.write(environment.logStream, line);
  }

  #trace(segment: { trace: ReturnType<typeof newTrace>; startedAt: number; endedAt: number; failed: boolean }): void {
    const { endpoint, onProblem } = this.#options;
    const { name, arn } = this.settings;
    const sent = sendSegment(endpoint, this.caller, { ...segment, name, arn })
      .catch((error: Error) => onProblem(`a trace segment of ${name} was not accepted: ${error.message}`))
      .finally(() => this.#telemetry.delete(sent));
    this.#telemetry.add(sent);
  }
}

function stopping(name: string): AwsError {
  return new AwsError('ServiceException', `${name} is not running: the sandbox is stopping`, 500);
}
