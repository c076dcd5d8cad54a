/** What a function's host and its worker say to each other. */

/** What the worker is started with. */
export interface WorkerSettings {
  /** Folder of the unpacked zip. */
  readonly taskRoot: string;
  /** `file.export`, as in the function's configuration. */
  readonly handler: string;
  readonly network: NetworkRules;
  readonly context: FunctionContext;
  readonly logFormat: 'JSON' | 'Text';
}

/** The part of Lambda's context object that is the same for every invocation. */
export interface FunctionContext {
  readonly functionName: string;
  readonly functionVersion: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
  readonly logGroupName: string;
  readonly logStreamName: string;
}

/** Where a function may connect to. Names that are not in `hosts` do not resolve. */
export interface NetworkRules {
  readonly functionName: string;
  readonly endpoint: { readonly host: string; readonly port: number };
  /** The VPC's names and their addresses; empty outside the VPC. */
  readonly hosts: Readonly<Record<string, string>>;
  /** TCP ports that are let out to `hosts`. */
  readonly ports: readonly number[];
  /** What stands in for the internet: `host:port` that functions outside a VPC reach. */
  readonly internet: readonly string[];
}

/** An error as Lambda answers it. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

export interface InvokeMessage {
  readonly requestId: string;
  /** JSON. */
  readonly payload: string;
  /** Epoch milliseconds. */
  readonly deadline: number;
  readonly traceId: string;
}

export type WorkerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'init-error'; readonly error: FunctionError }
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'result'; readonly payload: string }
  | { readonly kind: 'error'; readonly error: FunctionError }
  /** The process is about to end: an error that nobody caught. */
  | { readonly kind: 'fatal'; readonly error: FunctionError };
