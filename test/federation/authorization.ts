/**
 * What IAM is asked for a request: actions, on which resources, in which context (Service Authorization Reference, and each service's page
 * on tagging at creation). Written by the documentation, not by the table of deploy permissions that it judges.
 */
import type { ContextRecord } from '../../sandbox/aws/iam/request-context.ts';
import type { Input, TerraformRequest } from './terraform-request.ts';

export interface Asked {
  readonly action: string;
  readonly resource: string;
  readonly context: ContextRecord;
}

/** Things that policies know by more than their ARN: tags and boundaries of what was created, the function of a mapping. */
export type Remembered = Map<string, ContextRecord>;

export interface Place {
  readonly account: string;
  readonly region: string;
}

/** @throws Error for an operation that is not known here */
export function asked(request: TerraformRequest, place: Place, remembered: Remembered): readonly Asked[] {
  const { service, operation, input } = request;
  // "No permissions are required to perform this operation" (AWS STS API Reference, GetCallerIdentity).
  if (service === 'sts' && operation === 'GetCallerIdentity') return [];
  const { prefix = service, resources, own, also } = services[service] ?? {};
  if (resources === undefined) throw new Error(`${service}:${operation} is of a service that is not known here: add it`);
  const tags = tagsOf(input);
  const context: ContextRecord = Object.keys(tags).length === 0 ? {} : tagContext(tags);
  const arns = resources(input, place, operation);
  const named =
    (action: string, more: ContextRecord = {}) =>
    (resource: string) => ({
      action: `${prefix}:${action}`,
      resource,
      context: { ...remembered.get(resource), ...context, ...own?.(input, place), ...more },
    });
  const createsTagged = Object.keys(tags).length > 0 && !/^(?:Tag|CreateTags)/.test(operation);
  const tagAction = tagActions[service];
  return [
    ...arns.map(named(operation)),
    ...(createsTagged && tagAction !== undefined
      ? arns.map((arn) => (arn === '*' ? created(service, place) : arn)).map(named(tagAction))
      : []),
    ...(also?.(input, place, operation, remembered) ?? []),
  ];
}

/** What a created thing without a name of its own is called when its tags are written. */
function created(service: string, { account, region }: Place): string {
  return service === 'kms' ? `arn:aws:kms:${region}:${account}:key/new` : `arn:aws:lambda:${region}:${account}:event-source-mapping:new`;
}

/** Asked besides where a creation brings tags. Not of S3, whose buckets are tagged afterwards, and of EC2, see below. */
const tagActions: Readonly<Record<string, string>> = {
  athena: 'TagResource',
  dynamodb: 'TagResource',
  events: 'TagResource',
  glue: 'TagResource',
  iam: 'TagRole',
  kms: 'TagResource',
  lambda: 'TagResource',
  logs: 'TagResource',
  monitoring: 'TagResource',
  scheduler: 'TagResource',
  secretsmanager: 'TagResource',
  sqs: 'TagQueue',
};

/** What has to be known of a thing that was created, by the answer: its id, and what policies will ask of it. */
export function remember(request: TerraformRequest, answer: string, place: Place, remembered: Remembered): void {
  const { service, operation, input } = request;
  const tags = Object.fromEntries(Object.entries(tagsOf(input)).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
  const id = (form: RegExp) => form.exec(answer)?.[1] ?? '';
  const note = (resource: string, context: ContextRecord) => remembered.set(resource, { ...remembered.get(resource), ...context });
  if (service === 'iam' && operation === 'CreateRole' && input.PermissionsBoundary !== undefined) {
    note(`arn:aws:iam::${place.account}:role/${text(input.RoleName)}`, { 'iam:PermissionsBoundary': text(input.PermissionsBoundary) });
  }
  if (service === 'kms' && operation === 'CreateKey') note(arn(place, 'kms', `key/${id(/"KeyId": ?"([^"]+)"/)}`), tags);
  if (service === 'lambda' && operation === 'CreateEventSourceMapping') {
    const mapping = arn(place, 'lambda', `event-source-mapping:${id(/"UUID": ?"([^"]+)"/)}`);
    note(mapping, { ...tags, ...mappedFunction(input.FunctionName, place) });
  }
  if (service !== 'ec2') return;
  if (operation === 'CreateSecurityGroup') note(arn(place, 'ec2', `security-group/${id(/<groupId>([^<]+)/)}`), tags);
  if (operation === 'CreateVpcEndpoint') note(arn(place, 'ec2', `vpc-endpoint/${id(/<vpcEndpointId>([^<]+)/)}`), tags);
  if (operation.startsWith('AuthorizeSecurityGroup')) {
    note(arn(place, 'ec2', `security-group-rule/${id(/<securityGroupRuleId>([^<]+)/)}`), tags);
  }
}

const mappedFunction = (name: unknown, place: Place): ContextRecord => ({
  'lambda:FunctionArn': arnOf(name, (one) => arn(place, 'lambda', `function:${one}`)),
});

interface Service {
  /** In actions, where it is not the one of the signature. */
  readonly prefix?: string;
  readonly resources: (input: Input, place: Place, operation: string) => readonly string[];
  /** Keys that the request itself brings, tags aside. */
  readonly own?: (input: Input, place: Place) => ContextRecord;
  /** What else is asked. */
  readonly also?: (input: Input, place: Place, operation: string, remembered: Remembered) => readonly Asked[];
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const arn = ({ account, region }: Place, service: string, resource: string) => `arn:aws:${service}:${region}:${account}:${resource}`;
/** An ARN as it is, a name in its ARN. */
const arnOf = (given: unknown, make: (name: string) => string): string =>
  text(given).startsWith('arn:') ? text(given) : make(text(given));

const passRole = (role: unknown, service: string): readonly Asked[] =>
  text(role) === '' ? [] : [{ action: 'iam:PassRole', resource: text(role), context: { 'iam:PassedToService': service } }];

const services: Readonly<Record<string, Service>> = {
  athena: {
    resources: ({ ResourceARN, WorkGroup, Name }, place) => [
      arnOf(ResourceARN ?? WorkGroup ?? Name, (name) => arn(place, 'athena', `workgroup/${name}`)),
    ],
  },
  dynamodb: {
    resources: ({ TableName, ResourceArn }, place) => [arnOf(ResourceArn ?? TableName, (name) => arn(place, 'dynamodb', `table/${name}`))],
    // The partition key of an item (Service Authorization Reference, "Actions, resources, and condition keys for Amazon DynamoDB").
    own: ({ Key, Item }) => {
      const { pk } = (Key ?? Item ?? {}) as { readonly pk?: { readonly S?: string } };
      return pk?.S === undefined ? {} : { 'dynamodb:LeadingKeys': [pk.S] };
    },
  },
  ec2: {
    resources: (input, place, operation) => ec2Resources(input, place, operation),
    also: (input, place, operation) => {
      const tags = tagsOf(input);
      if (Object.keys(tags).length === 0 || operation === 'CreateTags') return [];
      const kind = text(input['TagSpecification.1.ResourceType']);
      return [
        {
          action: 'ec2:CreateTags',
          resource: arn(place, 'ec2', `${kind}/new`),
          context: { ...tagContext(tags), 'ec2:CreateAction': operation },
        },
      ];
    },
  },
  events: {
    resources: ({ Name, Rule, EventBusName, ResourceARN, ArchiveName, EventSourceArn }, place, operation) => {
      if (ResourceARN !== undefined) return [text(ResourceARN)];
      if (ArchiveName !== undefined) {
        const archive = arn(place, 'events', `archive/${text(ArchiveName)}`);
        return operation === 'CreateArchive' ? [archive, text(EventSourceArn)] : [archive];
      }
      const rule = Rule ?? (EventBusName === undefined ? undefined : Name);
      return [arn(place, 'events', rule === undefined ? `event-bus/${text(Name)}` : `rule/${text(EventBusName)}/${text(rule)}`)];
    },
  },
  // What is done to a table is asked of its database and of the catalog, too, and who deletes a database of all that may be in it (AWS Glue
  // Developer Guide, "Specifying AWS Glue resource ARNs").
  glue: {
    resources: ({ ResourceArn, DatabaseInput, DatabaseName, TableInput, TableName, Name }, place, operation) => {
      if (ResourceArn !== undefined) return [text(ResourceArn)];
      const database = text(DatabaseName ?? (DatabaseInput as Input | undefined)?.Name ?? Name);
      const table = text(TableName ?? (TableInput as Input | undefined)?.Name ?? (DatabaseName === undefined ? '' : Name));
      const inside = operation === 'DeleteDatabase' ? [`table/${database}/any`, `userDefinedFunction/${database}/any`] : [];
      const own = table === '' ? inside : [`table/${database}/${table}`];
      return ['catalog', `database/${database}`, ...own].map((resource) => arn(place, 'glue', resource));
    },
  },
  iam: {
    resources: ({ RoleName }, { account }) => [`arn:aws:iam::${account}:role/${text(RoleName)}`],
    own: ({ PermissionsBoundary }) => (PermissionsBoundary === undefined ? {} : { 'iam:PermissionsBoundary': text(PermissionsBoundary) }),
  },
  kms: {
    resources: ({ KeyId, AliasName, TargetKeyId }, place, operation) => {
      if (/^(?:CreateKey|ListAliases)$/.test(operation)) return ['*'];
      // An alias stands for its key, and is a condition key (AWS KMS Developer Guide, "kms:RequestAlias").
      if (text(KeyId).startsWith('alias/')) return [arn(place, 'kms', 'key/of-an-alias')];
      const key = arnOf(TargetKeyId ?? KeyId, (id) => arn(place, 'kms', `key/${id}`));
      return AliasName === undefined ? [key] : [arn(place, 'kms', text(AliasName)), ...(TargetKeyId === undefined ? [] : [key])];
    },
    own: ({ KeyId }) => (text(KeyId).startsWith('alias/') ? { 'kms:RequestAlias': text(KeyId) } : {}),
  },
  lambda: {
    resources: ({ FunctionName, UUID, Resource }, place, operation) => {
      if (Resource !== undefined) return [text(Resource)];
      if (UUID !== undefined) return [arn(place, 'lambda', `event-source-mapping:${text(UUID)}`)];
      if (operation === 'CreateEventSourceMapping') return ['*'];
      return [arnOf(FunctionName, (name) => arn(place, 'lambda', `function:${name}`))];
    },
    own: ({ FunctionName, EventSourceArn }, place) => (EventSourceArn === undefined ? {} : mappedFunction(FunctionName, place)),
    also: ({ Role }) => passRole(Role, 'lambda.amazonaws.com'),
  },
  logs: {
    resources: ({ logGroupName, logGroupIdentifier, resourceArn }, place, operation) => {
      if (operation === 'DescribeLogGroups') return ['*'];
      return [arnOf(resourceArn ?? logGroupIdentifier ?? logGroupName, (name) => arn(place, 'logs', `log-group:${name}`))];
    },
    // The function that a subscription delivers to needs no right of whoever subscribes it: its own policy lets CloudWatch Logs in.
  },
  monitoring: {
    prefix: 'cloudwatch',
    resources: (input, place) => {
      const dashboards = Object.entries(input).flatMap(([key, value]) => (/^DashboardNames?\b/.test(key) ? [value].flat() : []));
      // Of a dashboard the ARN names no region.
      if (dashboards.length > 0) return dashboards.map((name) => `arn:aws:cloudwatch::${place.account}:dashboard/${text(name)}`);
      const names = input.AlarmNames ?? Object.entries(input).flatMap(([key, value]) => (key.startsWith('AlarmNames.') ? [value] : []));
      const all = [input.AlarmName ?? input.ResourceARN, ...(Array.isArray(names) ? names : [])].filter((name) => name !== undefined);
      return all.map((name) => arnOf(name, (alarm) => arn(place, 'cloudwatch', `alarm:${alarm}`)));
    },
  },
  s3: {
    resources: ({ Bucket, Key }) => [`arn:aws:s3:::${text(Bucket)}${Key === undefined ? '' : `/${text(Key)}`}`],
    also: ({ Bucket, Key, Tagging }) =>
      Key === undefined || Tagging === undefined
        ? []
        : [{ action: 's3:PutObjectTagging', resource: `arn:aws:s3:::${text(Bucket)}/${text(Key)}`, context: {} }],
  },
  scheduler: {
    resources: ({ Name, GroupName, groupName, Resource }, place, operation) => {
      if (Resource !== undefined) return [text(Resource)];
      const group = GroupName ?? groupName;
      return [arn(place, 'scheduler', /Group$/.test(operation) ? `schedule-group/${text(Name)}` : `schedule/${text(group)}/${text(Name)}`)];
    },
    also: ({ Target }) => passRole((Target as Input | undefined)?.RoleArn, 'scheduler.amazonaws.com'),
  },
  secretsmanager: {
    resources: ({ SecretId, Name }, place) => [arnOf(SecretId ?? Name, (name) => arn(place, 'secretsmanager', `secret:${name}-a1B2c3`))],
  },
  sqs: {
    resources: ({ QueueName, QueueUrl }, place) => [arn(place, 'sqs', text(QueueName) || text(QueueUrl).split('/').at(-1) || '')],
  },
};

function ec2Resources(input: Input, place: Place, operation: string): readonly string[] {
  if (operation.startsWith('Describe')) return ['*'];
  const kinds: readonly (readonly [prefix: string, kind: string])[] = [
    ['sgr-', 'security-group-rule'],
    ['sg-', 'security-group'],
    ['vpce-', 'vpc-endpoint'],
    ['vpc-', 'vpc'],
    ['subnet-', 'subnet'],
    ['rtb-', 'route-table'],
  ];
  const ids = Object.entries(input).flatMap(([key, value]) =>
    // Groups that a rule refers to are asked of nobody.
    /^(?:VpcId|GroupId|(?:ResourceId|SubnetId|SecurityGroupId|RouteTableId|VpcEndpointId)\.\d+|SecurityGroupRule\.\d+\.SecurityGroupRuleId)$/.test(
      key,
    )
      ? [text(value)]
      : [],
  );
  const arns = ids.map((id) => arn(place, 'ec2', `${kinds.find(([prefix]) => id.startsWith(prefix))?.[1]}/${id}`));
  const made: Readonly<Record<string, string>> = {
    CreateSecurityGroup: 'security-group/new',
    CreateVpcEndpoint: 'vpc-endpoint/new',
    AuthorizeSecurityGroupIngress: 'security-group-rule/new',
    AuthorizeSecurityGroupEgress: 'security-group-rule/new',
  };
  const own = made[operation];
  return own === undefined ? arns : [...arns, arn(place, 'ec2', own)];
}

const tagContext = (tags: Readonly<Record<string, string>>): ContextRecord => ({
  ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value])),
  'aws:TagKeys': Object.keys(tags),
});

/** Tags of a request, in whichever of AWS's four forms. */
export function tagsOf(input: Input): Readonly<Record<string, string>> {
  const given = input.Tags ?? input.tags;
  if (Array.isArray(given)) {
    return Object.fromEntries(given.map((tag: Input) => [text(tag.Key ?? tag.TagKey), text(tag.Value ?? tag.TagValue)]));
  }
  if (typeof given === 'object' && given !== null) return given as Readonly<Record<string, string>>;
  const flat = Object.entries(input).flatMap(([key, value]) => {
    const place = /^(.*Tags?(?:\.member)?\.\d+)\.Key$/.exec(key)?.[1];
    return place === undefined ? [] : [[text(value), text(input[`${place}.Value`])] as const];
  });
  return Object.fromEntries(flat);
}
