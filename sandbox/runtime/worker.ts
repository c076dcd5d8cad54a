/** One execution environment of a function, from the inside: what Lambda's Node.js runtime does around the handler. */
import { existsSync } from 'node:fs';
import os from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { FunctionError, InvokeMessage, WorkerMessage, WorkerSettings } from './worker-messages.ts';
import { restrictNetwork } from './worker-network.ts';
import { captureOutput, logJson } from './worker-output.ts';

type Handler = (event: unknown, context: object) => unknown;

const settings = workerData as WorkerSettings;
let requestId: string | undefined;

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

class InitError extends Error {
  override readonly name: string;

  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

async function loadHandler(): Promise<Handler> {
  const [file = '', exported = ''] = settings.handler.split('.');
  const path = ['.mjs', '.js', '.cjs']
    .map((extension) => join(settings.taskRoot, `${file}${extension}`))
    .find((candidate) => existsSync(candidate));
  if (path === undefined) throw new InitError('Runtime.ImportModuleError', `Cannot find module '${file}' in the function's zip`);
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const handler = module[exported];
  if (typeof handler !== 'function') throw new InitError('Runtime.HandlerNotFound', `${settings.handler} is undefined or not exported`);
  return handler as Handler;
}

async function invoke(handler: Handler, message: InvokeMessage): Promise<void> {
  requestId = message.requestId;
  process.env._X_AMZN_TRACE_ID = message.traceId;
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    ...settings.context,
    awsRequestId: message.requestId,
    getRemainingTimeInMillis: () => Math.max(0, message.deadline - Date.now()),
  };
  try {
    const result = await handler(JSON.parse(message.payload), context);
    post({ kind: 'result', payload: JSON.stringify(result) ?? 'null' });
  } catch (error) {
    const described = describe(error);
    console.error('Invoke Error', error);
    post({ kind: 'error', error: described });
  }
}

function describe(error: unknown, errorType?: string): FunctionError {
  if (!(error instanceof Error)) return { errorType: errorType ?? typeof error, errorMessage: String(error), trace: [] };
  return { errorType: errorType ?? error.name, errorMessage: error.message, trace: (error.stack ?? '').split('\n') };
}

/** An error that nobody caught ends the process, as it does in Lambda. */
function dieOf(errorType: string) {
  return (error: unknown): void => {
    post({ kind: 'fatal', error: describe(error, errorType) });
    process.exit(1);
  };
}

captureOutput((text) => post({ kind: 'line', text }));
if (settings.logFormat === 'JSON') logJson(process.env.AWS_LAMBDA_LOG_LEVEL ?? 'INFO', () => requestId);
process.on('unhandledRejection', dieOf('Runtime.UnhandledPromiseRejection'));
process.on('uncaughtException', dieOf('Runtime.UncaughtException'));
// The host's home may hold AWS configuration, which an SDK would read.
os.homedir = () => '/home/sbx_user';
restrictNetwork(settings.network);

try {
  const handler = await loadHandler();
  parentPort?.on('message', (message: InvokeMessage) => void invoke(handler, message));
  post({ kind: 'ready' });
} catch (error) {
  post({ kind: 'init-error', error: describe(error, error instanceof SyntaxError ? 'Runtime.UserCodeSyntaxError' : undefined) });
}
