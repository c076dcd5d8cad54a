import { randomUUID } from 'node:crypto';
import { AwsError } from '../error.ts';
import type { PolicyDocument, Statement } from '../iam/index.ts';
import { limit, optionalText, page, text } from '../input.ts';
import type { Authorization, Input, Operation, Output, Service, Surroundings } from '../service.ts';

// Lambda: functions, event source mappings and permissions as they were declared. The sandbox's runtime executes them.

export type Invoke = (request: {
  functionName: string;
  payload: string;
  invocationType: 'RequestResponse' | 'Event';
}) => Promise<{ payload: string; functionError?: 'Unhandled' }>;

interface Function {
  readonly configuration: Output;
  readonly statements: Statement[];
}

/** Quotas of the Invoke operation. */
const maximumPayload = { RequestResponse: 6 * 1024 * 1024, Event: 1024 * 1024 } as const;

interface Functions {
  /** Resolves when somebody executes invocations. */
  readonly runtime: Promise<void>;
  onInvoke(invoke: Invoke): void;
  /** The function whose code runs in this session: Lambda names the session after it. */
  /** Whether Lambda reads this source: a person may have disabled it since it was declared. */
  polls(mappingId: string): boolean;
  /** Reserved concurrency that a person has set since the function was declared. */
  reserved(functionName: string): number | undefined;
  executing(session: { readonly roleArn: string; readonly sessionName: string }): string | undefined;
}

export function lambda({ region, account }: Surroundings): Service & Functions {
  const functions = new Map<string, Function>();
  const mappings = new Map<string, Output>();
  const concurrency = new Map<string, number>();
  let execute: Invoke | undefined;
  const attached = Promise.withResolvers<void>();

  const arnOf = (name: string): string => `arn:aws:lambda:${region}:${account}:function:${name}`;
  /** A function is given by name, ARN or partial ARN, any of them with a qualifier. */
  const nameOf = (input: Input): string => {
    const given = text(input, 'FunctionName');
    return given.includes(':function:') ? (given.split(':function:')[1]?.split(':')[0] ?? '') : (given.split(':')[0] ?? '');
  };
  const functionOf = (input: Input): Function => {
    const found = functions.get(nameOf(input));
    if (!found) throw new AwsError('ResourceNotFoundException', `Function not found: ${arnOf(nameOf(input))}`, 404);
    return found;
  };
  const policyOf = (name: string): Pick<Authorization, 'resourcePolicy'> => {
    const statements = functions.get(name)?.statements ?? [];
    const document: PolicyDocument = { Version: '2012-10-17', Statement: statements };
    return statements.length > 0 ? { resourcePolicy: { name: `function ${name}`, document } } : {};
  };
  const onFunction = (action: string, run: Operation['run']): Operation => ({
    authorize: (input) => [{ action: `lambda:${action}`, resource: arnOf(nameOf(input)), ...policyOf(nameOf(input)) }],
    run,
  });

  function create(input: Input): Output {
    const name = nameOf(input);
    if (!/^[a-zA-Z0-9-_]{1,64}$/.test(name))
      throw new AwsError('ValidationException', `FunctionName '${name}': 1 to 64 letters, digits, '-' or '_'`);
    if (functions.has(name)) throw new AwsError('ResourceConflictException', `Function already exist: ${name}`, 409);
    const { Code: _code, Tags: _tags, Publish: _publish, ...rest } = input;
    const configuration: Output = {
      MemorySize: 128,
      Timeout: 3,
      Version: '$LATEST',
      State: 'Active',
      LastUpdateStatus: 'Successful',
      PackageType: 'Zip',
      Architectures: ['x86_64'],
      RevisionId: randomUUID(),
      LastModified: new Date().toISOString().replace('Z', '+0000'),
      ...rest,
      FunctionName: name,
      FunctionArn: arnOf(name),
      Role: text(input, 'Role'),
    };
    functions.set(name, { configuration, statements: [] });
    return configuration;
  }

  function addPermission(input: Input): Output {
    const { statements } = functionOf(input);
    const sid = text(input, 'StatementId');
    if (statements.some((one) => one.Sid === sid))
      throw new AwsError('ResourceConflictException', `The statement id (${sid}) provided already exists.`, 409);
    const principal = text(input, 'Principal');
    const [sourceArn, sourceAccount] = [optionalText(input, 'SourceArn'), optionalText(input, 'SourceAccount')];
    const statement: Statement = {
      Sid: sid,
      Effect: 'Allow',
      Principal: principal.endsWith('.amazonaws.com') ? { Service: principal } : { AWS: principal },
      Action: text(input, 'Action'),
      Resource: arnOf(nameOf(input)),
      ...(sourceArn || sourceAccount
        ? {
            Condition: {
              ...(sourceArn ? { ArnLike: { 'AWS:SourceArn': sourceArn } } : {}),
              ...(sourceAccount ? { StringEquals: { 'AWS:SourceAccount': sourceAccount } } : {}),
            },
          }
        : {}),
    };
    statements.push(statement);
    return { Statement: JSON.stringify(statement) };
  }

  function readPayload(input: Input): string {
    const payload = input.Payload;
    if (payload === undefined || payload === null) return '';
    if (payload instanceof Uint8Array) return Buffer.from(payload).toString('utf8');
    if (typeof payload === 'string') return payload;
    throw new AwsError('InvalidParameterValueException', 'Payload: expected bytes or a string');
  }

  async function invoke(input: Input): Promise<Output> {
    functionOf(input);
    const type = optionalText(input, 'InvocationType') ?? 'RequestResponse';
    if (type === 'DryRun') return { StatusCode: 204 };
    if (type !== 'RequestResponse' && type !== 'Event')
      throw new AwsError('InvalidParameterValueException', `InvocationType '${type}': RequestResponse, Event or DryRun`);
    const payload = readPayload(input);
    if (Buffer.byteLength(payload) > maximumPayload[type])
      throw new AwsError('RequestTooLargeException', `the payload is over ${maximumPayload[type]} bytes`, 413);
    try {
      if (payload !== '') JSON.parse(payload);
    } catch {
      throw new AwsError('InvalidRequestContentException', 'Could not parse request body into json');
    }
    if (!execute) throw new AwsError('ServiceException', 'no runtime has been attached to the sandbox; call onInvoke', 500);
    const request = { functionName: nameOf(input), payload: payload === '' ? '{}' : payload, invocationType: type } as const;
    const result = await execute(request);
    if (type === 'Event') return { StatusCode: 202 };
    return {
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
      Payload: Buffer.from(result.payload),
      ...(result.functionError ? { FunctionError: result.functionError } : {}),
    };
  }

  function createMapping(input: Input): Output {
    functionOf(input);
    const uuid = randomUUID();
    const { Enabled: enabled, ...rest } = input;
    const arn = optionalText(input, 'EventSourceArn') ?? '';
    const mapping: Output = {
      BatchSize: arn.startsWith('arn:aws:sqs:') ? 10 : 100,
      MaximumBatchingWindowInSeconds: 0,
      ...rest,
      UUID: uuid,
      FunctionArn: arnOf(nameOf(input)),
      State: enabled === false ? 'Disabled' : 'Enabled',
      StateTransitionReason: 'USER_INITIATED',
      LastModified: new Date(),
    };
    mappings.set(uuid, mapping);
    return mapping;
  }

  function mappingOf(input: Input): Output {
    const mapping = mappings.get(text(input, 'UUID'));
    if (!mapping) throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.', 404);
    return mapping;
  }

  /** Enables or disables; nothing else of a mapping changes here. */
  function updateMapping(input: Input): Output {
    const { UUID: uuid, Enabled: enabled, ...more } = input;
    const before = mappingOf(input);
    if (typeof enabled !== 'boolean' || Object.keys(more).length > 0)
      throw new AwsError('NotImplemented', 'the sandbox updates Enabled alone of an event source mapping', 501);
    const mapping: Output = { ...before, State: enabled ? 'Enabled' : 'Disabled', LastModified: new Date() };
    mappings.set(String(uuid), mapping);
    return mapping;
  }

  const onMapping = (action: string, run: Operation['run']): Operation => ({
    authorize: (input) => [
      { action: `lambda:${action}`, resource: `arn:aws:lambda:${region}:${account}:event-source-mapping:${text(input, 'UUID')}` },
    ],
    run,
  });

  const paged = (input: Input, member: string, all: readonly Output[]): Output => {
    const { items, nextToken } = page(all, optionalText(input, 'Marker'), limit(input, 'MaxItems', 1, 10_000, 50));
    return { [member]: items, ...(nextToken ? { NextMarker: nextToken } : {}) };
  };

  return {
    name: 'lambda',
    runtime: attached.promise,
    onInvoke(invokeFunction) {
      execute = invokeFunction;
      attached.resolve();
    },
    polls: (mappingId) => mappings.get(mappingId)?.State !== 'Disabled',
    reserved: (functionName) => concurrency.get(functionName),
    executing({ roleArn, sessionName }) {
      const found = functions.get(sessionName);
      return found?.configuration.Role === roleArn ? arnOf(sessionName) : undefined;
    },
    operations: {
      CreateFunction: onFunction('CreateFunction', create),
      ListFunctions: {
        authorize: () => [{ action: 'lambda:ListFunctions', resource: '*' }],
        run: (input) =>
          paged(
            input,
            'Functions',
            [...functions.values()].map((one) => one.configuration),
          ),
      },
      GetFunction: onFunction('GetFunction', (input) => ({ Configuration: functionOf(input).configuration })),
      GetFunctionConfiguration: onFunction('GetFunctionConfiguration', (input) => functionOf(input).configuration),
      PutFunctionConcurrency: onFunction('PutFunctionConcurrency', (input) => {
        functionOf(input);
        const reserved = limit(input, 'ReservedConcurrentExecutions', 0, 1000, -1);
        concurrency.set(nameOf(input), reserved);
        return { ReservedConcurrentExecutions: reserved };
      }),
      GetFunctionConcurrency: onFunction('GetFunctionConcurrency', (input) => {
        functionOf(input);
        const reserved = concurrency.get(nameOf(input));
        return reserved === undefined ? {} : { ReservedConcurrentExecutions: reserved };
      }),
      DeleteFunctionConcurrency: onFunction('DeleteFunctionConcurrency', (input) => {
        functionOf(input);
        concurrency.delete(nameOf(input));
        return {};
      }),
      AddPermission: onFunction('AddPermission', addPermission),
      GetPolicy: onFunction('GetPolicy', (input) => {
        functionOf(input);
        const policy = policyOf(nameOf(input)).resourcePolicy;
        if (!policy) throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.', 404);
        return { Policy: JSON.stringify(policy.document) };
      }),
      Invoke: {
        authorize: (input) => [{ action: 'lambda:InvokeFunction', resource: arnOf(nameOf(input)), ...policyOf(nameOf(input)) }],
        run: invoke,
      },
      CreateEventSourceMapping: {
        authorize: (input) => [
          { action: 'lambda:CreateEventSourceMapping', resource: '*', context: { 'lambda:FunctionArn': arnOf(nameOf(input)) } },
        ],
        run: createMapping,
      },
      GetEventSourceMapping: onMapping('GetEventSourceMapping', mappingOf),
      UpdateEventSourceMapping: onMapping('UpdateEventSourceMapping', updateMapping),
      ListEventSourceMappings: {
        authorize: () => [{ action: 'lambda:ListEventSourceMappings', resource: '*' }],
        run: (input) => {
          const source = optionalText(input, 'EventSourceArn');
          const target = optionalText(input, 'FunctionName') === undefined ? undefined : arnOf(nameOf(input));
          const found = [...mappings.values()].filter(
            (one) => (source === undefined || one.EventSourceArn === source) && (target === undefined || one.FunctionArn === target),
          );
          return paged(input, 'EventSourceMappings', found);
        },
      },
    },
  };
}
