/** The watch: the mirror table, its poll, its stream, and the way to the domain controllers and nowhere else. */
import { describe, expect, test } from 'vitest';
import { caCertificate, created, existing, synthesize } from './integration.ts';
import type { Arguments, Template } from './template.ts';

const template = synthesize();
const detectChanges = template.lambda('ad-lambda-test-detect-changes-corp');

describe('the mirror', () => {
  test('GIVEN the directory table WHEN synthesized THEN it has the keys, indexes, expiry and stream the handlers rely on', () => {
    expect(template.one('aws_dynamodb_table', { name: 'ad-lambda-test-directory' })).toMatchObject({
      hash_key: 'pk',
      range_key: 'sk',
      global_secondary_index: [
        { name: 'listing', hash_key: 'listedUnder', range_key: 'pk', projection_type: 'KEYS_ONLY' },
        { name: 'due', hash_key: 'dueUnder', range_key: 'dueAt', projection_type: 'KEYS_ONLY' },
        { name: 'sid', hash_key: 'sid', range_key: 'pk', projection_type: 'KEYS_ONLY' },
      ],
      ttl: { attribute_name: 'expiresAt', enabled: true },
      stream_enabled: true,
      stream_view_type: 'NEW_AND_OLD_IMAGES',
    });
  });

  test('GIVEN each table WHEN synthesized THEN it is on demand, encrypted, restorable, and protected unless said otherwise', () => {
    const thrownAway = synthesize({ deletionProtection: false });
    expect(template.all('aws_dynamodb_table')).toHaveLength(4);
    for (const table of template.all('aws_dynamodb_table')) {
      expect(table).toMatchObject({
        billing_mode: 'PAY_PER_REQUEST',
        point_in_time_recovery: { enabled: true },
        server_side_encryption: { enabled: true },
        deletion_protection_enabled: true,
      });
    }
    for (const table of thrownAway.all('aws_dynamodb_table')) expect(table.deletion_protection_enabled).toBe(false);
  });

  test('GIVEN a stream that is not read WHEN synthesized THEN an alarm on the age of its records rings, since no error is counted', () => {
    expect(template.one('aws_cloudwatch_metric_alarm', { metric_name: 'IteratorAge' })).toMatchObject({
      dimensions: { FunctionName: 'ad-lambda-test-publish-changes' },
      statistic: 'Maximum',
      threshold: 300_000,
      comparison_operator: 'GreaterThanOrEqualToThreshold',
    });
  });

  test('GIVEN the stream WHEN synthesized THEN objects, memberships and the status reach publish-changes alone, and none is given up early', () => {
    const source = template.one('aws_lambda_event_source_mapping', { function_name: template.lambdaArn('ad-lambda-test-publish-changes') });
    expect(source).toMatchObject({
      event_source_arn: template.reference('aws_dynamodb_table', { name: 'ad-lambda-test-directory' }, 'stream_arn'),
      starting_position: 'TRIM_HORIZON',
      batch_size: 100,
      parallelization_factor: 1,
      bisect_batch_on_function_error: true,
      maximum_retry_attempts: 10_000,
      maximum_record_age_in_seconds: 82_800,
    });
    expect(JSON.parse(source.filter_criteria.filter[0].pattern)).toEqual({
      dynamodb: { Keys: { sk: { S: ['object', 'status', { prefix: 'memberOf#' }] } } },
    });
  });
});

describe('the poll', () => {
  const poll = 'ad-lambda-test-poll-directory-corp';

  test('GIVEN no schedule WHEN synthesized THEN detect-changes is invoked each minute, at the minute, without retries', () => {
    expect(template.one('aws_scheduler_schedule', { name: poll })).toMatchObject({
      schedule_expression: 'rate(1 minute)',
      flexible_time_window: { mode: 'OFF' },
      target: {
        arn: template.lambdaArn('ad-lambda-test-detect-changes-corp'),
        role_arn: template.reference('aws_iam_role', { name: 'ad-lambda-test-poll-directory-corp' }, 'arn'),
        retry_policy: { maximum_retry_attempts: 0 },
      },
    });
    const functionName = template.reference(
      'aws_lambda_function',
      { function_name: 'ad-lambda-test-detect-changes-corp' },
      'function_name',
    );
    expect(template.one('aws_lambda_function_event_invoke_config', { function_name: functionName })).toMatchObject({
      maximum_retry_attempts: 0,
      maximum_event_age_in_seconds: 900,
    });
  });

  test("GIVEN the schedule's role WHEN synthesized THEN only this account's schedule group may take it", () => {
    const trust = JSON.parse(template.one('aws_iam_role', { name: 'ad-lambda-test-poll-directory-corp' }).assume_role_policy);
    expect(trust.Statement).toHaveLength(1);
    expect(trust.Statement[0]).toMatchObject({
      Principal: { Service: 'scheduler.amazonaws.com' },
      Condition: {
        StringEquals: { 'aws:SourceAccount': '111122223333' },
        ArnEquals: { 'aws:SourceArn': template.reference('aws_scheduler_schedule_group', { name: poll }, 'arn') },
      },
    });
  });

  test.each([
    ['rate(1 minutes)', 'rate(1 minute)'],
    ['rate(5 minute)', 'rate(5 minutes)'],
    ['rate(60 minutes)', 'rate(60 minutes)'],
  ] as const)('GIVEN schedule %s WHEN synthesized THEN EventBridge Scheduler is told %s', (schedule, expected) => {
    const changed = synthesize({ directories: [{ existing, schedule }] });
    expect(changed.one('aws_scheduler_schedule', { name: poll }).schedule_expression).toBe(expected);
  });
});

describe('the way to the domain controllers', () => {
  const egress = (from: Template) =>
    from
      .all('aws_vpc_security_group_egress_rule')
      .map((rule: Arguments) => [
        rule.ip_protocol,
        rule.from_port,
        rule.to_port,
        rule.referenced_security_group_id ?? rule.prefix_list_id,
        rule.cidr_ipv4,
      ]);

  test('GIVEN an existing directory and endpoints WHEN synthesized THEN the function reaches the two endpoints and port 636, nothing else', () => {
    expect(egress(template)).toEqual([
      ['tcp', 636, 636, 'sg-0123456789abcdef0', undefined],
      ['tcp', 443, 443, 'pl-66a5400f', undefined],
      ['tcp', 443, 443, 'sg-0123456789abcdef1', undefined],
    ]);
    expect(template.types).not.toContain('aws_vpc_endpoint');
  });

  test("GIVEN the function's security group WHEN synthesized THEN nothing may open a connection to it", () => {
    const group = template.reference('aws_security_group', { name: 'ad-lambda-test-detect-changes-corp' }, 'id');
    expect(detectChanges.vpc_config).toEqual({ subnet_ids: [...existing.network.subnetIds], security_group_ids: [group] });
    for (const rule of template.all('aws_vpc_security_group_ingress_rule')) expect(rule.security_group_id).not.toBe(group);
    expect(template.one('aws_security_group', { name: 'ad-lambda-test-detect-changes-corp' })).not.toHaveProperty('ingress');
  });

  test("GIVEN an existing directory WHEN synthesized THEN its security group lets the function in, unless another team's rules do", () => {
    const group = template.reference('aws_security_group', { name: 'ad-lambda-test-detect-changes-corp' }, 'id');
    expect(template.all('aws_vpc_security_group_ingress_rule')).toMatchObject([
      { security_group_id: 'sg-0123456789abcdef0', referenced_security_group_id: group, from_port: 636, to_port: 636, ip_protocol: 'tcp' },
    ]);
    const closed = synthesize({
      directories: [{ existing: { ...existing, network: { ...existing.network, openDirectorySecurityGroup: false } } }],
    });
    expect(closed.all('aws_vpc_security_group_ingress_rule')).toEqual([]);
  });

  test('GIVEN endpoints to create WHEN synthesized THEN they are for this account alone, and the function may use them', () => {
    const own = synthesize({ directories: [{ created }] });
    const [gateway, secrets] = ['Gateway', 'Interface'].map((kind) => own.one('aws_vpc_endpoint', { vpc_endpoint_type: kind }));
    expect(gateway).toMatchObject({ service_name: 'com.amazonaws.eu-central-1.dynamodb', route_table_ids: ['rtb-0123456789abcdef0'] });
    expect(secrets).toMatchObject({ service_name: 'com.amazonaws.eu-central-1.secretsmanager', private_dns_enabled: true });
    for (const endpoint of [gateway, secrets]) {
      const [statement, ...others] = JSON.parse(endpoint?.policy).Statement;
      expect(others).toEqual([]);
      expect(statement.Condition).toEqual({ StringEquals: { 'aws:PrincipalAccount': '111122223333' } });
    }
    expect(egress(own).map(([, port]) => port)).toEqual([636, 443, 443]);
    expect(own.all('aws_vpc_security_group_ingress_rule')).toMatchObject([{ from_port: 443, to_port: 443 }]);
  });
});

describe('the directory', () => {
  test('GIVEN an existing directory WHEN synthesized THEN detect-changes knows its domain, its controllers in order, and its CA', () => {
    expect(detectChanges.environment.variables).toMatchObject({
      DIRECTORY_DOMAIN: 'corp.example.com',
      LDAPS_URLS: 'ldaps://dc1.corp.example.com:636,ldaps://dc2.corp.example.com:636',
      LDAP_CA: caCertificate,
    });
  });

  test('GIVEN no bind secret WHEN synthesized THEN one is created without a value', () => {
    expect(template.one('aws_secretsmanager_secret')).not.toHaveProperty('value');
    expect(template.types).not.toContain('aws_secretsmanager_secret_version');
    expect(detectChanges.environment.variables.BIND_SECRET_ARN).toBe(template.reference('aws_secretsmanager_secret', {}, 'arn'));
  });

  test('GIVEN a bind secret WHEN synthesized THEN it is used and none is created', () => {
    const bindSecretArn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:directory/reader-a1B2c3';
    const own = synthesize({ directories: [{ existing: { ...existing, bindSecretArn } }] });
    expect(own.types).not.toContain('aws_secretsmanager_secret');
    expect(own.lambda('ad-lambda-test-detect-changes-corp').environment.variables.BIND_SECRET_ARN).toBe(bindSecretArn);
  });
});

describe('a created directory', () => {
  const own = synthesize({ directories: [{ created }] });
  const stack = own.one('aws_cloudformation_stack');
  const body = JSON.parse(stack.template_body);
  const directory = body.Resources.Directory;

  test('GIVEN a directory to create WHEN synthesized THEN CloudFormation makes an AWS Managed Microsoft AD of it', () => {
    expect(directory.Type).toBe('AWS::DirectoryService::MicrosoftAD');
    const { Password, ...properties } = directory.Properties;
    expect(Password).toBeDefined();
    expect(properties).toEqual({
      Name: 'corp.example.com',
      ShortName: 'CORP',
      Edition: 'Standard',
      VpcSettings: { VpcId: 'vpc-0123456789abcdef0', SubnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'] },
    });
  });

  test("GIVEN its administrator WHEN synthesized THEN the password is Secrets Manager's, and no resource of Terraform's holds one", () => {
    expect(directory.Properties.Password).toEqual({
      'Fn::Join': ['', ['{{resolve:secretsmanager:', { Ref: 'AdminSecret' }, ':SecretString:password}}']],
    });
    expect(body.Resources.AdminSecret.Properties).not.toHaveProperty('SecretString');
    expect(body.Resources.AdminSecret.Properties.GenerateSecretString).toMatchObject({ GenerateStringKey: 'password' });
    expect(own.types).not.toContain('aws_directory_service_directory');
    expect(Object.keys(body.Outputs).sort()).toEqual(['AdminSecretArn', 'DirectoryId', 'DnsIpAddresses']);
  });

  test('GIVEN deletion protection WHEN synthesized THEN directory and administrator survive the stack, and no update replaces them', () => {
    const thrownAway = synthesize({ directories: [{ created }], deletionProtection: false });
    const policies = (template: Template) =>
      Object.values<Arguments>(JSON.parse(template.one('aws_cloudformation_stack').template_body).Resources).map(
        (resource) => resource.DeletionPolicy,
      );
    expect(policies(own)).toEqual(['Retain', 'Retain']);
    expect(policies(thrownAway)).toEqual(['Delete', 'Delete']);
    expect(JSON.parse(stack.policy_body).Statement).toContainEqual({
      Effect: 'Deny',
      Action: ['Update:Replace', 'Update:Delete'],
      Principal: '*',
      Resource: '*',
    });
  });

  test("GIVEN its domain controllers WHEN synthesized THEN they are reached by the domain's name and their own security group", () => {
    expect(own.lambda('ad-lambda-test-detect-changes-corp').environment.variables.LDAPS_URLS).toBe('ldaps://corp.example.com:636');
    const [name] = Object.keys(own.json.data?.aws_directory_service_directory ?? {});
    const rule = own.one('aws_vpc_security_group_egress_rule', { from_port: 636 });
    expect(rule.referenced_security_group_id).toBe(`\${data.aws_directory_service_directory.${name}.security_group_id}`);
  });
});
