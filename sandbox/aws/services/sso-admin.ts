import { randomUUID } from 'node:crypto';
import type { TargetChanges } from '../../target-changes.ts';
import { AwsError } from '../error.ts';
import { limit, optionalRecord, optionalText, page, text } from '../input.ts';
import type { Authorization, Caller, Input, Operation, Output, Service, Surroundings } from '../service.ts';

// IAM Identity Center's own API (sso-admin, signed and authorized as `sso`): permission sets and who is assigned them in which account.
// Behaviour: IAM Identity Center API Reference. Actions and resources: Service Authorization Reference, "AWS IAM Identity Center".

/** How long AWS's work takes here, and how it ends. */
export interface Provisioning {
  /** From a request to its terminal state. @default 20 */
  readonly milliseconds?: number;
  /** Why a request fails; undefined: it succeeds. */
  readonly failure?: (request: ProvisioningRequest) => string | undefined;
}

export interface ProvisioningRequest {
  readonly kind: 'create' | 'delete' | 'provision';
  readonly permissionSetArn: string;
  /** Undefined: all accounts in which it is provisioned. */
  readonly accountId?: string | undefined;
  readonly principalId?: string | undefined;
}

interface Assignment {
  readonly accountId: string;
  readonly permissionSetArn: string;
  readonly principalType: 'USER' | 'GROUP';
  readonly principalId: string;
}

interface PermissionSet {
  readonly arn: string;
  readonly name: string;
  readonly sessionDuration: string;
  readonly createdAt: Date;
  inlinePolicy: string;
  /** Account → the inline policy as it stands there. */
  readonly provisioned: Map<string, string>;
}

interface Request extends ProvisioningRequest {
  readonly id: string;
  readonly createdAt: Date;
  doneAt: number;
  readonly assignment?: Assignment;
  readonly caller: Caller;
  state: 'IN_PROGRESS' | 'SUCCEEDED' | 'FAILED';
  reason?: string;
}

/** Requests of assignments under way at a time ("IAM Identity Center quotas"). */
const mostOutstanding = 15;
/** Characters of an inline policy (IAM Identity Center API Reference, PutInlinePolicyToPermissionSet). */
const longestPolicy = 32_768;

const invalid = (message: string): AwsError => new AwsError('ValidationException', message);
const notFound = (message: string): AwsError => new AwsError('ResourceNotFoundException', message);

/**
 * @param exists whether the identity store has this user or group
 * @param changes where it is noted what a caller changes
 * @param callsPerSecond of all operations together; AWS allows 20. Not limited by default.
 */
export function ssoAdmin(
  { account, region }: Pick<Surroundings, 'account' | 'region'>,
  exists: (principalType: string, principalId: string) => boolean,
  changes: (caller: Caller) => TargetChanges,
  provisioning: () => Provisioning,
  callsPerSecond?: number,
): Service & {
  /** Ends at once what is under way. */
  readonly endProvisioning: () => void;
  readonly provisionedPolicies: () => readonly { permissionSetArn: string; accountId: string; inlinePolicy: string }[];
} {
  const permissionSets = new Map<string, PermissionSet>();
  const assignments = new Map<string, Assignment>();
  const requests = new Map<string, Request>();
  let recent: number[] = [];

  const keyOf = (one: Assignment): string => JSON.stringify([one.accountId, one.permissionSetArn, one.principalType, one.principalId]);
  const accountArn = (accountId: string): string => `arn:aws:sso:::account/${accountId}`;
  const permissionSet = (input: Input): PermissionSet => {
    const found = permissionSets.get(text(input, 'PermissionSetArn'));
    if (!found) throw notFound('PermissionSet not found');
    return found;
  };
  const accountId = (input: Input, name: string): string => {
    const value = text(input, name);
    if (!/^\d{12}$/.test(value)) throw invalid(`${name}: '${value}' is no account id`);
    return value;
  };
  const instance = (input: Input): string => {
    const arn = text(input, 'InstanceArn');
    if (!/^arn:aws:sso:::instance\/(sso)?ins-[a-zA-Z0-9-.]{16}$/.test(arn)) throw invalid(`InstanceArn: '${arn}' is no instance`);
    return arn;
  };

  function assignmentOf(input: Input): Assignment {
    if (text(input, 'TargetType') !== 'AWS_ACCOUNT') throw invalid('TargetType: only AWS_ACCOUNT is supported');
    const principalType = text(input, 'PrincipalType');
    if (principalType !== 'USER' && principalType !== 'GROUP') throw invalid(`PrincipalType: '${principalType}' is neither USER nor GROUP`);
    return {
      accountId: accountId(input, 'TargetId'),
      permissionSetArn: permissionSet(input).arn,
      principalType,
      principalId: text(input, 'PrincipalId'),
    };
  }

  /** Brings what is due to its end: nothing here happens by itself. */
  function settle(): void {
    for (const request of requests.values()) {
      if (request.state !== 'IN_PROGRESS' || request.doneAt > Date.now()) continue;
      const { assignment } = request;
      const gone = request.kind === 'create' && assignment && !exists(assignment.principalType, assignment.principalId);
      const reason = gone ? `${assignment.principalType} ${assignment.principalId} not found` : provisioning().failure?.(request);
      request.state = reason === undefined ? 'SUCCEEDED' : 'FAILED';
      if (reason !== undefined) request.reason = reason;
      else conclude(request);
    }
  }

  function conclude({ kind, assignment, permissionSetArn, accountId: target, caller }: Request): void {
    const set = permissionSets.get(permissionSetArn);
    if (set === undefined) return;
    if (kind === 'provision') {
      for (const one of target === undefined ? set.provisioned.keys() : [target]) set.provisioned.set(one, set.inlinePolicy);
      return;
    }
    if (assignment === undefined) return;
    const isChange = assignments.has(keyOf(assignment)) !== (kind === 'create');
    if (isChange) changes(caller).assignment(assignment.principalId, `${assignment.accountId}/${set.name}`, kind === 'create');
    if (kind === 'create') {
      assignments.set(keyOf(assignment), assignment);
      // The first assignment provisions the set there; a later one leaves what is provisioned as it is.
      if (!set.provisioned.has(assignment.accountId)) set.provisioned.set(assignment.accountId, set.inlinePolicy);
      return;
    }
    assignments.delete(keyOf(assignment));
    const still = current().some((one) => one.permissionSetArn === permissionSetArn && one.accountId === assignment.accountId);
    if (!still) set.provisioned.delete(assignment.accountId);
  }

  /** Assignments of those that are still there: a deleted user's or group's go with it. */
  function current(): Assignment[] {
    for (const [key, one] of assignments) if (!exists(one.principalType, one.principalId)) assignments.delete(key);
    return [...assignments.values()];
  }

  function start(asked: ProvisioningRequest, caller: Caller, assignment?: Assignment): Request {
    const now = Date.now();
    const request: Request = {
      ...asked,
      caller,
      id: randomUUID(),
      createdAt: new Date(now),
      doneAt: now + (provisioning().milliseconds ?? 20),
      state: 'IN_PROGRESS',
      ...(assignment ? { assignment } : {}),
    };
    requests.set(request.id, request);
    return request;
  }

  function startAssignment(kind: 'create' | 'delete', input: Input, caller: Caller): Request {
    const assignment = assignmentOf(input);
    const { permissionSetArn, principalId } = assignment;
    if (kind === 'create' && !exists(assignment.principalType, principalId)) throw notFound(`${assignment.principalType} not found`);
    if (kind === 'delete' && !current().some((one) => keyOf(one) === keyOf(assignment))) throw notFound('AccountAssignment not found');
    const underWay = [...requests.values()].filter((one) => one.state === 'IN_PROGRESS' && one.assignment);
    // The reference recommends to try this again: the earlier request has to end first.
    if (underWay.some((one) => one.assignment && keyOf(one.assignment) === keyOf(assignment)))
      throw new AwsError('ConflictException', 'There is a conflicting operation in process against this resource.');
    if (underWay.length >= mostOutstanding)
      throw new AwsError('ThrottlingException', `more than ${mostOutstanding} outstanding account assignment requests`);
    return start({ kind, permissionSetArn, principalId, accountId: assignment.accountId }, caller, assignment);
  }

  const assignmentShown = (request: Request): Output => ({
    Status: request.state,
    RequestId: request.id,
    TargetId: request.accountId,
    TargetType: 'AWS_ACCOUNT',
    PermissionSetArn: request.permissionSetArn,
    PrincipalType: request.assignment?.principalType,
    PrincipalId: request.principalId,
    CreatedDate: request.createdAt,
    ...(request.reason === undefined ? {} : { FailureReason: request.reason }),
  });
  const provisioningShown = (request: Request): Output => ({
    Status: request.state,
    RequestId: request.id,
    PermissionSetArn: request.permissionSetArn,
    CreatedDate: request.createdAt,
    ...(request.accountId === undefined ? {} : { AccountId: request.accountId }),
    ...(request.reason === undefined ? {} : { FailureReason: request.reason }),
  });
  const requestOf = (input: Input, name: string, kind: Request['kind']): Request => {
    const found = requests.get(text(input, name));
    if (found?.kind !== kind) throw notFound(`${name} not found`);
    return found;
  };
  const paged = (input: Input, member: string, all: readonly unknown[]): Output => {
    const { items, nextToken } = page(all, optionalText(input, 'NextToken'), limit(input, 'MaxResults', 1, 100, 100));
    return { [member]: items, ...(nextToken ? { NextToken: nextToken } : {}) };
  };

  function throttle(): void {
    if (callsPerSecond === undefined) return;
    const now = Date.now();
    recent = recent.filter((at) => at > now - 1000);
    if (recent.length >= callsPerSecond) throw new AwsError('ThrottlingException', 'Rate exceeded');
    recent.push(now);
  }

  /** @param resources besides the instance */
  const operation = (name: string, resources: (input: Input) => readonly string[], run: Operation['run']): Operation => ({
    authorize: (input) => [instance(input), ...resources(input)].map((resource): Authorization => ({ action: `sso:${name}`, resource })),
    run(input, caller) {
      throttle();
      settle();
      return run(input, caller);
    },
  });
  const ofSet = (input: Input): readonly string[] => [text(input, 'PermissionSetArn')];
  const ofAssignment = (input: Input): readonly string[] => [text(input, 'PermissionSetArn'), accountArn(text(input, 'TargetId'))];

  return {
    name: 'sso',
    endProvisioning: () => {
      for (const request of requests.values()) request.doneAt = 0;
    },
    provisionedPolicies: () => {
      settle();
      return [...permissionSets.values()].flatMap((set) =>
        [...set.provisioned].map(([provisionedIn, inlinePolicy]) => ({
          permissionSetArn: set.arn,
          accountId: provisionedIn,
          inlinePolicy,
        })),
      );
    },
    operations: {
      /** PermissionSetArn is the sandbox's own member: the ARN under which a stack knows the set. */
      CreatePermissionSet: operation(
        'CreatePermissionSet',
        () => [],
        (input) => {
          const arn =
            optionalText(input, 'PermissionSetArn') ??
            `${instance(input).replace(':instance/', ':permissionSet/')}/ps-${randomUUID().slice(0, 16)}`;
          const name = text(input, 'Name');
          if ([...permissionSets.values()].some((one) => one.name === name))
            throw new AwsError('ConflictException', `PermissionSet with name ${name} already exists.`);
          const set: PermissionSet = {
            arn,
            name,
            sessionDuration: optionalText(input, 'SessionDuration') ?? 'PT1H',
            createdAt: new Date(),
            inlinePolicy: '',
            provisioned: new Map(),
          };
          permissionSets.set(arn, set);
          return { PermissionSet: { PermissionSetArn: arn, Name: name, SessionDuration: set.sessionDuration, CreatedDate: set.createdAt } };
        },
      ),
      DescribePermissionSet: operation('DescribePermissionSet', ofSet, (input) => {
        const { arn, name, sessionDuration, createdAt } = permissionSet(input);
        return { PermissionSet: { PermissionSetArn: arn, Name: name, SessionDuration: sessionDuration, CreatedDate: createdAt } };
      }),
      ListPermissionSets: operation(
        'ListPermissionSets',
        () => [],
        (input) => paged(input, 'PermissionSets', [...permissionSets.keys()]),
      ),
      CreateAccountAssignment: operation('CreateAccountAssignment', ofAssignment, (input, caller) => ({
        AccountAssignmentCreationStatus: assignmentShown(startAssignment('create', input, caller)),
      })),
      DeleteAccountAssignment: operation('DeleteAccountAssignment', ofAssignment, (input, caller) => ({
        AccountAssignmentDeletionStatus: assignmentShown(startAssignment('delete', input, caller)),
      })),
      DescribeAccountAssignmentCreationStatus: operation(
        'DescribeAccountAssignmentCreationStatus',
        () => [],
        (input) => ({
          AccountAssignmentCreationStatus: assignmentShown(requestOf(input, 'AccountAssignmentCreationRequestId', 'create')),
        }),
      ),
      DescribeAccountAssignmentDeletionStatus: operation(
        'DescribeAccountAssignmentDeletionStatus',
        () => [],
        (input) => ({
          AccountAssignmentDeletionStatus: assignmentShown(requestOf(input, 'AccountAssignmentDeletionRequestId', 'delete')),
        }),
      ),
      ListAccountAssignments: operation(
        'ListAccountAssignments',
        (input) => [text(input, 'PermissionSetArn'), accountArn(text(input, 'AccountId'))],
        (input) => {
          const [set, where] = [permissionSet(input).arn, accountId(input, 'AccountId')];
          const found = current().filter((one) => one.permissionSetArn === set && one.accountId === where);
          return paged(
            input,
            'AccountAssignments',
            found.map(({ principalType, principalId }) => ({
              AccountId: where,
              PermissionSetArn: set,
              PrincipalType: principalType,
              PrincipalId: principalId,
            })),
          );
        },
      ),
      ListAccountAssignmentsForPrincipal: operation(
        'ListAccountAssignmentsForPrincipal',
        () => [],
        (input) => {
          const [principalId, principalType] = [text(input, 'PrincipalId'), text(input, 'PrincipalType')];
          const only = optionalText(optionalRecord(input, 'Filter') ?? {}, 'AccountId');
          const found = current().filter(
            (one) => one.principalId === principalId && one.principalType === principalType && (only ?? one.accountId) === one.accountId,
          );
          return paged(
            input,
            'AccountAssignments',
            found.map((one) => ({
              AccountId: one.accountId,
              PermissionSetArn: one.permissionSetArn,
              PrincipalType: principalType,
              PrincipalId: principalId,
            })),
          );
        },
      ),
      ListAccountsForProvisionedPermissionSet: operation('ListAccountsForProvisionedPermissionSet', ofSet, (input) =>
        paged(input, 'AccountIds', [...permissionSet(input).provisioned.keys()]),
      ),
      GetInlinePolicyForPermissionSet: operation('GetInlinePolicyForPermissionSet', ofSet, (input) => ({
        InlinePolicy: permissionSet(input).inlinePolicy,
      })),
      PutInlinePolicyToPermissionSet: operation('PutInlinePolicyToPermissionSet', ofSet, (input) => {
        const policy = text(input, 'InlinePolicy');
        if (policy.length > longestPolicy) throw invalid(`InlinePolicy: ${policy.length} characters, at most ${longestPolicy}`);
        try {
          JSON.parse(policy);
        } catch {
          throw invalid('InlinePolicy: not JSON');
        }
        permissionSet(input).inlinePolicy = policy;
        return {};
      }),
      DeleteInlinePolicyFromPermissionSet: operation('DeleteInlinePolicyFromPermissionSet', ofSet, (input) => {
        permissionSet(input).inlinePolicy = '';
        return {};
      }),
      ProvisionPermissionSet: operation(
        'ProvisionPermissionSet',
        (input) => (optionalText(input, 'TargetId') === undefined ? ofSet(input) : ofAssignment(input)),
        (input, caller) => {
          const { arn } = permissionSet(input);
          const all = text(input, 'TargetType') === 'ALL_PROVISIONED_ACCOUNTS';
          const target = all ? undefined : accountId(input, 'TargetId');
          if ([...requests.values()].some((one) => one.kind === 'provision' && one.state === 'IN_PROGRESS' && one.permissionSetArn === arn))
            throw new AwsError('ConflictException', 'There is a conflicting operation in process against this resource.');
          const request = start({ kind: 'provision', permissionSetArn: arn, accountId: target }, caller);
          return { PermissionSetProvisioningStatus: provisioningShown(request) };
        },
      ),
      DescribePermissionSetProvisioningStatus: operation(
        'DescribePermissionSetProvisioningStatus',
        () => [],
        (input) => ({
          PermissionSetProvisioningStatus: provisioningShown(requestOf(input, 'ProvisionPermissionSetRequestId', 'provision')),
        }),
      ),
      ListInstances: {
        authorize: () => [{ action: 'sso:ListInstances', resource: '*' }],
        run: () => ({ Instances: [{ OwnerAccountId: account, Region: region }] }),
      },
    },
  };
}
