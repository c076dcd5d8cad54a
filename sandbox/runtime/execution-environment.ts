/** One execution environment of a function, from the outside: a worker that handles one invocation at a time. */
import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { AwsEndpoint } from '../aws/endpoint.ts';
import type { AppliedFunction } from '../terraform/applied-stack.ts';
import type { FunctionLog } from './function-log.ts';
import { serviceEnvironment } from './service-environment.ts';
import type { FunctionError, InvokeMessage, WorkerMessage, WorkerSettings } from './worker-messages.ts';

export interface Outcome {
  /** JSON: the handler's result, or the error. */
  readonly payload: string;
  readonly error?: FunctionError;
  readonly status: 'success' | 'error' | 'failure' | 'timeout';
}

export interface EnvironmentOptions {
  readonly settings: AppliedFunction;
  readonly endpoint: AwsEndpoint;
  readonly taskRoot: string;
  readonly hosts: Readonly<Record<string, string>>;
  readonly internet: readonly string[];
  readonly log: FunctionLog;
}

export class ExecutionEnvironment {
  readonly logStream: string;
  /** Undefined when the handler is loaded, else why it is not. */
  readonly initialized: Promise<FunctionError | undefined>;
  initDurationMs = 0;
  alive = true;
  readonly #settings: AppliedFunction;
  readonly #worker: Worker;
  readonly #log: FunctionLog;
  #lines: string[] = [];
  #settle: ((outcome: Outcome) => void) | undefined;

  constructor({ settings, endpoint, taskRoot, hosts, internet, log }: EnvironmentOptions) {
    const started = performance.now();
    this.#settings = settings;
    this.#log = log;
    this.logStream = `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${randomBytes(16).toString('hex')}`;
    const where = { region: endpoint.region, endpointUrl: endpoint.url, taskRoot, logStream: this.logStream };
    const credentials = endpoint.credentialsFor(settings.roleArn, settings.name);
    const { hostname, port } = new URL(endpoint.url);
    const workerData: WorkerSettings = {
      taskRoot,
      handler: settings.handler,
      logFormat: settings.logFormat,
      network: {
        functionName: settings.name,
        endpoint: { host: hostname, port: Number(port) },
        hosts: settings.inVpc ? hosts : {},
        ports: settings.egressPorts,
        internet: settings.inVpc ? [] : internet,
      },
      context: {
        functionName: settings.name,
        functionVersion: '$LATEST',
        invokedFunctionArn: settings.arn,
        memoryLimitInMB: String(settings.memoryMb),
        logGroupName: settings.logGroup,
        logStreamName: this.logStream,
      },
    };
    this.#worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData,
      // Nothing of the host's environment; what Lambda sets wins over what Terraform sets, as those names are reserved.
      env: { ...settings.environment, ...serviceEnvironment(settings, where, credentials) },
      execArgv: ['--disable-warning=ExperimentalWarning'],
      resourceLimits: { maxOldGenerationSizeMb: settings.memoryMb },
      stdout: true,
      stderr: true,
    });
    for (const stream of [this.#worker.stdout, this.#worker.stderr])
      stream.on('data', (chunk: Buffer) => this.#line(String(chunk).trimEnd()));
    this.initialized = this.#initialize(started);
  }

  /** @throws nothing: whatever happens to the worker is an outcome */
  async invoke(message: InvokeMessage): Promise<Outcome & { readonly lines: readonly string[] }> {
    this.#lines = [];
    const outcome = await new Promise<Outcome>((resolve) => {
      const timer = setTimeout(() => {
        const errorMessage = `RequestId: ${message.requestId} Error: Task timed out after ${this.#settings.timeoutSeconds.toFixed(2)} seconds`;
        this.#end({ errorType: 'Sandbox.Timedout', errorMessage }, 'timeout');
      }, this.#settings.timeoutSeconds * 1000);
      this.#settle = (settled) => {
        clearTimeout(timer);
        this.#settle = undefined;
        resolve(settled);
      };
      if (this.alive) this.#worker.postMessage(message);
      else this.#end(exitError('before the invocation'));
    });
    return { ...outcome, lines: this.#lines };
  }

  /** Ends the environment at once. An invocation in progress fails, as when a host crashes. */
  async kill(): Promise<void> {
    this.#end(exitError('signal: killed'));
    await this.#worker.terminate();
  }

  #initialize(started: number): Promise<FunctionError | undefined> {
    return new Promise((resolve) => {
      const initialized = (error?: FunctionError) => {
        this.initDurationMs = performance.now() - started;
        if (error !== undefined) this.#end(error);
        resolve(error);
      };
      this.#worker.on('message', (message: WorkerMessage) => {
        if (message.kind === 'ready') initialized();
        else if (message.kind === 'init-error') initialized(message.error);
        else this.#receive(message);
      });
      this.#worker.on('error', (error: NodeJS.ErrnoException) => {
        const described =
          error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? exitError('signal: killed') : { errorType: error.name, errorMessage: error.message };
        this.#end(described);
        initialized(described);
      });
      this.#worker.on('exit', (status) => {
        this.#end(exitError(`exit status ${status}`));
        initialized(exitError(`exit status ${status}`));
      });
    });
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === 'line') this.#line(message.text);
    else if (message.kind === 'result') this.#settle?.({ payload: message.payload, status: 'success' });
    else if (message.kind === 'error') this.#settle?.({ payload: JSON.stringify(message.error), error: message.error, status: 'error' });
    else if (message.kind === 'fatal') this.#end(message.error);
  }

  #end(error: FunctionError, status: 'failure' | 'timeout' = 'failure'): void {
    if (this.alive) {
      this.alive = false;
      void this.#worker.terminate();
    }
    this.#settle?.({ payload: JSON.stringify(error), error, status });
  }

  #line(text: string): void {
    this.#lines.push(text);
    this.#log.write(this.logStream, text);
  }
}

function exitError(how: string): FunctionError {
  return { errorType: 'Runtime.ExitError', errorMessage: `Error: Runtime exited with error: ${how}` };
}
