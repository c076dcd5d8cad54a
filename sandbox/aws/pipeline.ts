import { AwsError, notImplemented } from './error.ts';
import { authorize } from './iam/index.ts';
import {
  type Authorization,
  type Call,
  type Caller,
  type ConditionContext,
  errorStyle,
  type Input,
  type Output,
  type Service,
} from './service.ts';
import { type Identities, roleName, sessionArn } from './session.ts';

export interface CallRecord {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly durationMs: number;
  readonly caller: Caller;
  /** IAM prefix, e.g. dynamodb. */
  readonly service: string;
  readonly operation: string;
  readonly authorizations: readonly { readonly action: string; readonly resource: string; readonly context: ConditionContext }[];
  readonly outcome: 'ok' | 'denied' | 'error' | 'fault';
  readonly error?: string;
  /** Only of changes to the identity store, for the report. */
  readonly input?: unknown;
}

export interface Fault {
  readonly match: (call: { caller: Caller; service: string; operation: string; input: unknown }) => boolean;
  /** How many calls it befalls. @default 1 */
  readonly times?: number;
  readonly effect:
    | { readonly throttle: true }
    | { readonly error: AwsError }
    /** The call goes on after this. */
    | { readonly delayMs: number }
    /** Runs before the operation, which then goes on. */
    | { readonly before?: () => void | Promise<void> }
    /** The operation is done, but its answer never arrives. */
    | { readonly loseResponse: true };
}

/** The answer of a done operation was lost on its way; over HTTP the connection is cut instead. */
export class ResponseLost extends AwsError {
  constructor() {
    super('ECONNRESET', 'the connection was cut after the operation was done', 500);
  }
}

export interface PipelineSurroundings {
  readonly region: string;
  readonly account: string;
  /** ARN of the function whose code makes the calls of a role session, if any. */
  readonly executing: (session: { readonly roleArn: string; readonly sessionName: string }) => string | undefined;
}

const kept = 100_000;
const recordsInput = /^(Create|Update|Delete)/;

/** Every call passes here, from HTTP and from within: authorization, injected faults, the service, the call log. */
export class Pipeline {
  readonly calls: CallRecord[] = [];
  private readonly faults = new Set<{ fault: Fault; left: number }>();
  private readonly services = new Map<string, Service>();
  private readonly identities: Identities;
  private readonly surroundings: PipelineSurroundings;

  constructor(identities: Identities, surroundings: PipelineSurroundings) {
    this.identities = identities;
    this.surroundings = surroundings;
  }

  add(...services: readonly Service[]): void {
    for (const service of services) this.services.set(service.name, service);
  }

  async close(): Promise<void> {
    for (const service of this.services.values()) await service.close?.();
  }

  inject(fault: Fault): () => void {
    const entry = { fault, left: fault.times ?? 1 };
    this.faults.add(entry);
    return () => {
      this.faults.delete(entry);
    };
  }

  readonly call: Call = async (caller, serviceName, operationName, input) => {
    const at = Date.now();
    const started = performance.now();
    let authorizations: CallRecord['authorizations'] = [];
    let outcome: CallRecord['outcome'] = 'ok';
    let failure: string | undefined;
    try {
      const service = this.services.get(serviceName);
      const operation = service && Object.hasOwn(service.operations, operationName) ? service.operations[operationName] : undefined;
      if (!operation) throw notImplemented(serviceName, operationName);
      const asked = operation.authorize(input, caller);
      authorizations = asked.map(({ action, resource, context }) => ({
        action,
        resource,
        context: { ...this.globalContext(caller), ...context },
      }));
      outcome = 'denied';
      for (const authorization of asked) this.demand(caller, serviceName, authorization);
      outcome = 'fault';
      const losesResponse = await this.suffer(caller, serviceName, operationName, input);
      outcome = 'error';
      const output: Output = await operation.run(input, caller);
      outcome = losesResponse ? 'fault' : 'ok';
      if (losesResponse) throw new ResponseLost();
      return output;
    } catch (error) {
      if (outcome === 'ok') outcome = 'error';
      failure = error instanceof AwsError ? `${error.code}: ${error.message}` : String(error);
      throw error;
    } finally {
      if (this.calls.length >= kept) this.calls.splice(0, kept / 10);
      this.calls.push({
        at,
        durationMs: performance.now() - started,
        caller,
        service: serviceName,
        operation: operationName,
        authorizations,
        outcome,
        ...(failure === undefined ? {} : { error: failure }),
        ...(serviceName === 'identitystore' && recordsInput.test(operationName) ? { input } : {}),
      });
    }
  };

  /** Keys that the sandbox's transport stands for; those of the principal itself come from the evaluator. */
  private globalContext(caller: Caller): ConditionContext {
    const { region, account, executing } = this.surroundings;
    const now = new Date();
    const session = caller !== 'operator' && 'roleArn' in caller ? caller : undefined;
    // A session that the code has assumed is no longer the function's own.
    const functionArn = session && !session.given ? executing(session) : undefined;
    return {
      'aws:RequestedRegion': region,
      // The endpoint stands for AWS's TLS endpoints; on loopback it speaks plain HTTP
      'aws:SecureTransport': 'true',
      'aws:CurrentTime': now.toISOString(),
      'aws:EpochTime': String(Math.floor(now.getTime() / 1000)),
      ...(caller !== 'operator' && 'service' in caller
        ? { ...(caller.sourceArn ? { 'aws:SourceArn': caller.sourceArn } : {}), 'aws:SourceAccount': account }
        : {}),
      // Only calls from a function's code carry it ("Working with Lambda execution environment credentials")
      ...(functionArn ? { 'lambda:SourceFunctionArn': functionArn } : {}),
      ...(session ? { 'aws:userid': `${roleName(session.roleArn)}:${session.sessionName}` } : {}),
      ...(session?.given?.federatedProvider ? { 'aws:FederatedProvider': session.given.federatedProvider } : {}),
    };
  }

  private demand(caller: Caller, service: string, authorization: Authorization): void {
    if (caller === 'operator') return;
    const { action, resource, context, resourcePolicy, delegationRequired, resourceAccount } = authorization;
    const decision = authorize({
      principal: this.identities.principal(caller),
      action,
      resource,
      context: { ...this.globalContext(caller), ...context },
      resourceAccount: resourceAccount ?? this.services.get(service)?.account ?? this.surroundings.account,
      ...(resourcePolicy ? { resourcePolicy } : {}),
      ...(delegationRequired ? { delegationRequired } : {}),
    });
    if (decision.allowed) return;
    const who = 'service' in caller ? caller.service : sessionArn(caller);
    const [code, status] = errorStyle(service).denied;
    throw new AwsError(code, decision.message || `User: ${who} is not authorized to perform: ${action} on resource: ${resource}`, status);
  }

  /** @returns whether the response is to be lost */
  private async suffer(caller: Caller, service: string, operation: string, input: Input): Promise<boolean> {
    let losesResponse = false;
    for (const entry of [...this.faults]) {
      if (entry.left <= 0 || !entry.fault.match({ caller, service, operation, input })) continue;
      entry.left -= 1;
      if (entry.left === 0) this.faults.delete(entry);
      const { effect } = entry.fault;
      if ('throttle' in effect) {
        const [code, status] = errorStyle(service).throttled;
        throw new AwsError(code, 'Rate exceeded', status);
      }
      if ('error' in effect) throw effect.error;
      if ('delayMs' in effect) await new Promise((resolve) => setTimeout(resolve, effect.delayMs));
      else if ('loseResponse' in effect) losesResponse = true;
      else await effect.before?.();
    }
    return losesResponse;
  }
}
