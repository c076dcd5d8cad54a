/** What rotates credentials: its secrets, settings, calls, network, alarms and readers, as a reviewer of a plan sees them. */
import { describe, expect, test } from 'vitest';
import { parseCredentialSettings } from '../../handlers/credentials/credential-settings.ts';
import { parseVaultSettings } from '../../handlers/credentials/vault/vault-settings.ts';
import { decryptCredentialActions, readCredentialActions } from '../../modules/credentials/permissions.ts';
import { ActiveDirectoryIntegration, type CredentialProps, type CredentialsOfDirectory, type Statement } from '../../modules/index.ts';
import { created, credentialEndpoints, existing, leastProps, synthesize, wikiCredential } from './integration.ts';
import { Template } from './template.ts';

const key = (region: string) => `arn:aws:kms:${region}:111122223333:key/1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d`;
const rotating = (rotate: readonly [CredentialProps, ...CredentialProps[]], more: Partial<CredentialsOfDirectory> = {}) =>
  synthesize({ credentials: [{ rotate, endpoints: credentialEndpoints, ...more }] });
const functionName = 'ad-lambda-test-rotate-credential-corp';

/** Settings as the function reads them from its table. */
function settingsOf(template: Template, credential: string) {
  const item = template
    .all('aws_dynamodb_table_item')
    .map(({ item }) => JSON.parse(item))
    .find(({ sk }) => sk.S === credential);
  expect(item?.pk).toEqual({ S: 'settings' });
  return parseCredentialSettings(item.settings.S);
}

describe('GIVEN a credential with the least props WHEN synthesized THEN', () => {
  const template = rotating([wikiCredential]);
  const secretArn = template.reference('aws_secretsmanager_secret', { name: '/ad-lambda/test/credentials/corp/wiki' }, 'arn');

  test('its secret is created without a value, and rotates every 30 days from when there is one', () => {
    expect(template.types).not.toContain('aws_secretsmanager_secret_version');
    expect(template.one('aws_secretsmanager_secret', { name: '/ad-lambda/test/credentials/corp/wiki' })).toMatchObject({
      recovery_window_in_days: 30,
    });
    expect(template.one('aws_secretsmanager_secret_rotation')).toMatchObject({
      secret_id: secretArn,
      rotation_lambda_arn: template.lambdaArn(functionName),
      rotation_rules: { automatically_after_days: 30 },
      rotate_immediately: false,
    });
  });

  test('its settings lie in the table of its directory, complete', () => {
    expect(settingsOf(template, 'wiki')).toEqual({
      name: 'wiki',
      store: { secretsManager: { secretArn } },
      strategy: { kind: 'single', account: 'svc-wiki' },
      everyDays: 30,
      password: { length: 32, alphabet: 'printable' },
      test: { reads: [], replicates: false },
      replicationSeconds: 60,
    });
    const table = template.one('aws_dynamodb_table', { name: 'ad-lambda-test-credentials-corp' });
    expect(table).toMatchObject({ hash_key: 'pk', range_key: 'sk', deletion_protection_enabled: true });
  });

  test('the function reads settings and cannot write them', () => {
    const { ReadSettings, KeepRotations } = template.statements(functionName);
    expect(ReadSettings).toMatchObject({
      Action: ['dynamodb:Query'],
      Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['settings'] }, Null: { 'dynamodb:LeadingKeys': 'false' } },
    });
    expect(KeepRotations).toMatchObject({
      Action: ['dynamodb:GetItem', 'dynamodb:PutItem'],
      Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['rotation'] }, Null: { 'dynamodb:LeadingKeys': 'false' } },
    });
  });

  test('Secrets Manager alone may call it directly, of this account and for secrets of the folder', () => {
    expect(template.all('aws_lambda_permission').filter(({ principal }) => principal === 'secretsmanager.amazonaws.com')).toEqual([
      expect.objectContaining({
        action: 'lambda:InvokeFunction',
        source_account: '111122223333',
        source_arn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:/ad-lambda/test/credentials/corp/*',
      }),
    ]);
    // Secrets Manager tries the call when rotation is turned on.
    expect(template.one('aws_secretsmanager_secret_rotation').depends_on.join()).toContain('aws_lambda_permission');
  });

  test('a schedule has it look at all credentials each hour', () => {
    const schedule = template.one('aws_scheduler_schedule', { name: 'ad-lambda-test-check-credentials-corp' });
    expect(schedule.schedule_expression).toBe('rate(60 minutes)');
    expect(schedule.target).toMatchObject({ arn: template.lambdaArn(functionName), input: '{"check":true}' });
  });

  test('changed passwords, violations and signals reach its queue, those of other directories do not', () => {
    const patternOf = (rule: string) => JSON.parse(template.one('aws_cloudwatch_event_rule', { name: rule }).event_pattern);
    expect(patternOf('ad-lambda-test-rotate-credential-corp')).toEqual({
      source: ['active-directory.directory', 'active-directory.access'],
      'detail-type': ['PasswordChanged', 'AccessViolationFound'],
      detail: { domain: [{ 'equals-ignore-case': 'corp.example.com' }] },
    });
    expect(patternOf('ad-lambda-test-credential-signals-corp')).toEqual({
      source: ['active-directory.signal'],
      'detail-type': ['CredentialCompromised'],
    });
    const source = template
      .all('aws_lambda_event_source_mapping')
      .find(({ event_source_arn }) => event_source_arn === template.queueArn('ad-lambda-test-rotate-credential-corp'));
    expect(source).toMatchObject({ batch_size: 10, function_name: template.lambdaArn(functionName) });
    const arn = template.queueArn('ad-lambda-test-rotate-credential-corp');
    expect(template.all('aws_cloudwatch_event_target').filter((target) => target.arn === arn)).toHaveLength(2);
  });

  test('it may run for as long as domain controllers may take, and its messages stay hidden six times as long', () => {
    expect(template.lambda(functionName).timeout).toBe(180);
    expect(template.one('aws_sqs_queue', { name: 'ad-lambda-test-rotate-credential-corp' }).visibility_timeout_seconds).toBe(1080);
  });

  test('alarms tell of a failed rotation, of age, and of checks that do not run', () => {
    const namespace = 'ad-lambda/test/credentials/corp';
    const alarm = (name: string) => template.one('aws_cloudwatch_metric_alarm', { alarm_name: `${functionName}-${name}` });
    expect(alarm('rotation-failed')).toMatchObject({
      namespace,
      metric_name: 'RotationsFailed',
      threshold: 1,
      treat_missing_data: 'notBreaching',
    });
    expect(alarm('overdue')).toMatchObject({
      namespace,
      metric_name: 'OverdueDays',
      period: 3600,
      threshold: 1,
      treat_missing_data: 'breaching',
    });
    const patterns = template
      .all('aws_cloudwatch_log_metric_filter')
      .filter(({ metric_transformation: one }) => one.namespace === namespace);
    expect(patterns.map(({ pattern }) => pattern).sort()).toEqual([
      '{ $.message = "CREDENTIAL_CHECKED" && $.ageDays = * }',
      '{ $.message = "CREDENTIAL_CHECKED" && $.overdueDays = * }',
      '{ $.message = "CREDENTIAL_ROTATION_FAILED" }',
    ]);
  });
});

describe('strategies and places', () => {
  test('GIVEN an account that resets another WHEN synthesized THEN the setting is the ARN of its secret', () => {
    const template = rotating([
      { name: 'resetter', strategy: { kind: 'single', account: 'svc-reset' } },
      {
        name: 'orders',
        strategy: { kind: 'alternating', accounts: ['svc-orders-a', 'svc-orders-b'], resetBy: { credential: 'resetter' } },
      },
    ]);
    const resetBy = template.reference('aws_secretsmanager_secret', { name: '/ad-lambda/test/credentials/corp/resetter' }, 'arn');
    expect(settingsOf(template, 'orders').strategy).toEqual({
      kind: 'alternating',
      accounts: ['svc-orders-a', 'svc-orders-b'],
      differences: 'refuse',
      resetBy,
    });
    expect(template.statements(functionName)).not.toHaveProperty('ReadResetSecrets');
  });

  test("GIVEN a team's own secret WHEN synthesized THEN none is created, and that alone is rotated and may call", () => {
    const arn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:apps/wiki-a1B2c3';
    const template = rotating([{ ...wikiCredential, secret: { arn } }]);
    expect(template.all('aws_secretsmanager_secret').map(({ name }) => name)).toEqual(['/ad-lambda/test/bind/corp']);
    expect(template.statements(functionName).RotateSecrets?.Resource).toEqual([arn]);
    expect(template.all('aws_lambda_permission')).toEqual([expect.objectContaining({ source_arn: arn, source_account: '111122223333' })]);
    expect(template.one('aws_secretsmanager_secret_rotation').secret_id).toBe(arn);
  });

  test.each([
    ['replication rights', {}, true],
    ['an ordinary account', { mode: 'object-security' }, false],
  ] as const)(
    'GIVEN the bind secret of a directory read with %s WHEN it rotates THEN the test of the new password reads changes too, or not',
    (_, capture, replicates) => {
      const template = synthesize({
        directories: [{ existing, capture }],
        credentials: [{ endpoints: credentialEndpoints, rotate: [{ ...wikiCredential, secret: { bindSecret: true } }] }],
      });
      const secretArn = template.reference('aws_secretsmanager_secret', { name: '/ad-lambda/test/bind/corp' }, 'arn');
      expect(settingsOf(template, 'wiki')).toMatchObject({ store: { secretsManager: { secretArn } }, test: { replicates } });
      // The same secret that detect-changes binds with.
      expect(template.lambda('ad-lambda-test-detect-changes-corp').environment.variables.BIND_SECRET_ARN).toBe(secretArn);
    },
  );

  test('GIVEN everything that a credential can have WHEN synthesized THEN it stands in settings and secret', () => {
    const template = rotating([
      {
        name: 'wiki',
        strategy: { kind: 'single', account: 'svc-wiki' },
        everyDays: 90,
        window: { schedule: 'cron(0 2 ? * SUN *)', hours: 3 },
        password: { length: 64, alphabet: 'safe' },
        test: { reads: [`OU=Wiki $\{name},DC=corp,DC=example,DC=com`], replicates: true },
        replicationSeconds: 600,
        kmsKeyArn: key('eu-central-1'),
        replicas: [{ region: 'eu-west-1', kmsKeyArn: key('eu-west-1') }, { region: 'us-east-1' }],
      },
    ]);
    // Doubled, as Terraform reads it.
    expect(settingsOf(template, 'wiki')).toMatchObject({
      everyDays: 90,
      password: { length: 64, alphabet: 'safe' },
      test: { reads: [`OU=Wiki $$\{name},DC=corp,DC=example,DC=com`], replicates: true },
      replicationSeconds: 600,
    });
    expect(template.one('aws_secretsmanager_secret', { name: '/ad-lambda/test/credentials/corp/wiki' })).toMatchObject({
      kms_key_id: key('eu-central-1'),
      replica: [{ region: 'eu-west-1', kms_key_id: key('eu-west-1') }, { region: 'us-east-1' }],
    });
    expect(template.one('aws_secretsmanager_secret_rotation').rotation_rules).toEqual({
      schedule_expression: 'cron(0 2 ? * SUN *)',
      duration: '3h',
    });
    expect(template.lambda(functionName).timeout).toBe(720);
    expect(template.statements(functionName).UseCredentialKeys).toMatchObject({
      Action: ['kms:Decrypt', 'kms:GenerateDataKey'],
      Resource: [key('eu-central-1')],
      Condition: {
        StringEquals: { 'kms:ViaService': 'secretsmanager.eu-central-1.amazonaws.com' },
        StringLike: {
          'kms:EncryptionContext:SecretARN': ['arn:aws:secretsmanager:eu-central-1:111122223333:secret:/ad-lambda/test/credentials/corp/*'],
        },
      },
    });
  });

  test('GIVEN a hundred credentials WHEN synthesized THEN the role is as small as with one', () => {
    const many = Array.from(
      { length: 100 },
      (_, n) => ({ name: `app-${n}`, strategy: { kind: 'single', account: `svc-app-${n}` } }) as const,
    );
    const template = rotating([wikiCredential, ...many]);
    expect(template.statements(functionName)).toEqual(rotating([wikiCredential]).statements(functionName));
    expect(template.all('aws_secretsmanager_secret_rotation')).toHaveLength(101);
    expect(template.all('aws_lambda_permission')).toHaveLength(1);
  });

  test('GIVEN two directories WHEN both have credentials THEN each has its own function, table and folder', () => {
    const lab = { existing: { ...existing, domain: 'lab.example.com' } } as const;
    const template = synthesize({
      roleMappings: [{ ...leastProps.roleMappings[0], domains: ['corp.example.com'] }],
      directories: [{ existing }, lab],
      credentials: [
        { directory: 'corp', rotate: [wikiCredential], endpoints: credentialEndpoints },
        { directory: 'lab', rotate: [{ ...wikiCredential, name: 'lab-wiki' }], endpoints: credentialEndpoints },
      ],
    });
    const { RotateSecrets, ReadSettings } = template.statements('ad-lambda-test-rotate-credential-lab');
    expect(RotateSecrets?.Resource).toEqual(['arn:aws:secretsmanager:eu-central-1:111122223333:secret:/ad-lambda/test/credentials/lab/*']);
    expect(ReadSettings?.Resource).toEqual([template.tableArn('ad-lambda-test-credentials-lab')]);
  });
});

const vault = {
  address: 'https://vault.example.com:8200',
  mount: 'kv',
  login: { jwt: { mount: 'jwt', role: 'rotate-credential', audience: 'https://vault.example.com' } },
  network: { cidr: '10.0.8.15/32' },
} as const;
const inVault: CredentialProps = { ...wikiCredential, secret: { vaultPath: 'apps/wiki' } };
const withSts = { existing: { ...credentialEndpoints.existing, stsSecurityGroupId: 'sg-0123456789abcdef3' } };

describe('a vault', () => {
  test('GIVEN a vault logged in to by a token WHEN synthesized THEN that token alone may be asked for, and Secrets Manager rotates nothing', () => {
    const template = rotating([inVault], { vault, endpoints: withSts });
    expect(template.statements(functionName).ProveIdentityToVault).toMatchObject({
      Action: ['sts:GetWebIdentityToken'],
      Condition: {
        'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': ['https://vault.example.com'] },
        Null: { 'sts:IdentityTokenAudience': 'false' },
        NumericLessThanEquals: { 'sts:DurationSeconds': '300' },
        StringEquals: { 'sts:SigningAlgorithm': 'RS256' },
      },
    });
    for (const Sid of ['RotateSecrets', 'InvokeOwnRotation']) expect(template.statements(functionName)).not.toHaveProperty(Sid);
    expect(template.types).not.toContain('aws_secretsmanager_secret_rotation');
    const { network: _, ...settings } = vault;
    expect(parseVaultSettings(template.lambda(functionName).environment.variables.VAULT)).toEqual(settings);
    expect(settingsOf(template, 'wiki').store).toEqual({ vault: { path: 'apps/wiki' } });
    const ports = template.all('aws_vpc_security_group_egress_rule').filter(({ description }) => description === 'the vault');
    expect(ports).toEqual([expect.objectContaining({ from_port: 8200, to_port: 8200, cidr_ipv4: '10.0.8.15/32' })]);
  });

  test('GIVEN a vault logged in to by IAM WHEN synthesized THEN neither token nor endpoint of STS is needed: the call is signed, not made', () => {
    const login = { awsIam: { mount: 'aws', role: 'rotate-credential' } };
    const template = rotating([inVault], {
      vault: { ...vault, login, address: 'https://vault.example.com', network: { securityGroupId: 'sg-0123456789abcdef4' } },
    });
    expect(template.statements(functionName)).not.toHaveProperty('ProveIdentityToVault');
    const out = template.all('aws_vpc_security_group_egress_rule').map(({ description }) => description);
    expect(out.filter((description) => /STS/.test(description))).toEqual([]);
    expect(template.all('aws_vpc_security_group_egress_rule').find(({ description }) => description === 'the vault')).toMatchObject({
      from_port: 443,
      referenced_security_group_id: 'sg-0123456789abcdef4',
    });
  });
});

describe('the network', () => {
  /** Where a function's security group lets it out: port and destination. */
  const wayOut = (template: Template, group: string) => {
    const id = template.reference('aws_security_group', { name: group }, 'id');
    return template
      .all('aws_vpc_security_group_egress_rule')
      .filter(({ security_group_id }) => security_group_id === id)
      .map((rule) => [rule.from_port, rule.referenced_security_group_id ?? rule.prefix_list_id ?? rule.cidr_ipv4])
      .sort((one, other) => one.join().localeCompare(other.join()));
  };
  const inboundOf = (template: Template, group: string) => {
    const id = template.reference('aws_security_group', { name: group }, 'id');
    return template.all('aws_vpc_security_group_ingress_rule').filter(({ security_group_id }) => security_group_id === id);
  };

  test('GIVEN endpoints of the VPC WHEN synthesized THEN it is let out to four places, and nothing is let in', () => {
    const template = rotating([wikiCredential], { endpoints: withSts });
    expect(wayOut(template, 'ad-lambda-test-rotate-credential-corp')).toEqual([
      [443, 'pl-66a5400f'],
      [443, 'sg-0123456789abcdef1'],
      [443, 'sg-0123456789abcdef2'],
      [636, 'sg-0123456789abcdef0'],
    ]);
    expect(inboundOf(template, 'ad-lambda-test-rotate-credential-corp')).toEqual([]);
    // Its own group: the way of detect-changes is as it was.
    expect(wayOut(template, 'ad-lambda-test-detect-changes-corp')).toEqual(wayOut(synthesize(), 'ad-lambda-test-detect-changes-corp'));
    const opened = template
      .all('aws_vpc_security_group_ingress_rule')
      .filter(({ security_group_id }) => security_group_id === 'sg-0123456789abcdef0');
    expect(opened.map(({ from_port }) => from_port)).toEqual([636, 636]);
  });

  test('GIVEN endpoints to be created WHEN synthesized THEN both functions reach one endpoint of Secrets Manager, and EventBridge has one for itself', () => {
    const template = synthesize({
      directories: [{ created }],
      credentials: [{ rotate: [inVault], vault, endpoints: { created: true } }],
    });
    const services = template.all('aws_vpc_endpoint').map(({ service_name }) => service_name.replace('com.amazonaws.eu-central-1.', ''));
    expect(services.sort()).toEqual(['dynamodb', 'events', 'secretsmanager', 'sts']);
    expect(inboundOf(template, 'ad-lambda-test-secrets-manager-corp')).toHaveLength(2);
    expect(inboundOf(template, 'ad-lambda-test-events-corp')).toHaveLength(1);
    expect(inboundOf(template, 'ad-lambda-test-sts-corp')).toHaveLength(1);
    for (const { policy } of template.all('aws_vpc_endpoint')) expect(policy).toContain('"aws:PrincipalAccount":"111122223333"');
  });

  test("GIVEN a team that keeps the domain controllers' group itself WHEN synthesized THEN no rule is added to it", () => {
    const closed = { ...existing, network: { ...existing.network, openDirectorySecurityGroup: false } };
    const template = synthesize({
      directories: [{ existing: closed }],
      credentials: [{ rotate: [wikiCredential], endpoints: credentialEndpoints }],
    });
    expect(template.types).not.toContain('aws_vpc_security_group_ingress_rule');
  });
});

describe('readers', () => {
  const granting = (rotate: readonly [CredentialProps, ...CredentialProps[]], grant: (integration: ActiveDirectoryIntegration) => void) =>
    Template.synthesize((stack) => {
      grant(
        new ActiveDirectoryIntegration(stack, 'integration', { ...leastProps, credentials: [{ rotate, endpoints: credentialEndpoints }] }),
      );
    });
  const sealed: CredentialProps = {
    ...wikiCredential,
    kmsKeyArn: key('eu-central-1'),
    replicas: [{ region: 'eu-west-1', kmsKeyArn: key('eu-west-1') }],
  };
  const other = { name: 'orders', strategy: { kind: 'single', account: 'svc-orders' } } as const;
  const path = '/ad-lambda/test/credentials/corp/wiki';
  const statementsOf = (policy: string) => (JSON.parse(policy) as { Statement: Statement[] }).Statement;

  test('GIVEN a role of the account WHEN granted THEN it may read that secret and its copies, decrypt for them alone, and nothing else', () => {
    const template = granting([sealed, other], ({ credentials }) =>
      credentials?.grantRead('wiki', { roleArn: 'arn:aws:iam::111122223333:role/apps/wiki' }),
    );
    const policy = template.all('aws_iam_role_policy').find(({ role }) => role === 'wiki');
    const Resource = [
      template.reference('aws_secretsmanager_secret', { name: path }, 'arn'),
      `arn:aws:secretsmanager:eu-west-1:111122223333:secret:${path}-??????`,
    ];
    expect(statementsOf(policy?.policy)).toEqual([
      { Sid: 'ReadCredentialWiki', Effect: 'Allow', Action: readCredentialActions, Resource },
      {
        Sid: 'DecryptCredentialWiki',
        Effect: 'Allow',
        Action: decryptCredentialActions,
        Resource: [key('eu-central-1'), key('eu-west-1')],
        Condition: {
          StringEquals: { 'kms:ViaService': ['secretsmanager.eu-central-1.amazonaws.com', 'secretsmanager.eu-west-1.amazonaws.com'] },
          StringLike: { 'kms:EncryptionContext:SecretARN': Resource },
        },
      },
    ]);
    expect(template.types).not.toContain('aws_secretsmanager_secret_policy');
  });

  test('GIVEN a function of the integration WHEN granted THEN its own role has the statement', () => {
    const template = granting([wikiCredential], ({ credentials, audit }) => credentials?.grantRead('wiki', audit.recordAudit));
    expect(template.statements('ad-lambda-test-record-audit').ReadCredentialWiki).toEqual({
      Sid: 'ReadCredentialWiki',
      Effect: 'Allow',
      Action: readCredentialActions,
      Resource: [template.reference('aws_secretsmanager_secret', { name: path }, 'arn')],
    });
  });

  test("GIVEN roles of another account WHEN granted THEN the secret's policy names them and nobody else, and cannot become public", () => {
    const roles = ['arn:aws:iam::444455556666:role/wiki', 'arn:aws:iam::444455556666:role/search'];
    const template = granting([sealed, other], ({ credentials }) => {
      for (const roleArn of roles) credentials?.grantRead('wiki', { roleArn });
    });
    const secretArn = template.reference('aws_secretsmanager_secret', { name: path }, 'arn');
    const policy = template.one('aws_secretsmanager_secret_policy');
    expect(policy).toMatchObject({ secret_arn: secretArn, block_public_policy: true });
    expect(statementsOf(policy.policy)).toEqual(
      roles.map((AWS, index) => ({
        Sid: `ReadFromElsewhere${index + 1}`,
        Effect: 'Allow',
        Principal: { AWS },
        Action: readCredentialActions,
        Resource: [secretArn],
      })),
    );
    expect(template.all('aws_iam_role_policy').filter(({ role }) => /^(?:wiki|search)$/.test(role))).toEqual([]);
  });

  const role = 'arn:aws:iam::111122223333:role/wiki';
  const elsewhere = 'arn:aws:iam::444455556666:role/wiki';
  const own = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:apps/wiki-a1B2c3';
  const refused: readonly (readonly [what: string, rotate: CredentialProps, name: string, roleArns: readonly string[], message: RegExp])[] =
    [
      ['a credential that there is not', wikiCredential, 'orders', [role], /^there is no credential "orders" to read: name one of wiki/],
      ['the same role twice', wikiCredential, 'wiki', [role, role], /^credential "wiki" is granted to .+ twice: grant it once/],
      [
        'a user',
        wikiCredential,
        'wiki',
        ['arn:aws:iam::111122223333:user/alice'],
        /^roleArn of a reader of credential "wiki" is ".+": give arn:aws:iam::<account>:role\/<name>/,
      ],
      [
        'a role known only at apply',
        wikiCredential,
        'wiki',
        [`$\{TfToken[TOKEN.999]}`],
        /^roleArn of a reader of credential "wiki" is known only at apply/,
      ],
      [
        'another account without a key',
        wikiCredential,
        'wiki',
        [elsewhere],
        /^credential "wiki" has no kmsKeyArn, and .+ is of another account: give a key whose policy/,
      ],
      [
        'another account and a secret that is not ours',
        { ...wikiCredential, secret: { arn: own }, kmsKeyArn: key('eu-central-1') },
        'wiki',
        [elsewhere],
        /^credential "wiki" is in a secret that is not created here: let .+ read it in that secret's own policy/,
      ],
    ];
  test.each(refused)('fails WHEN read is granted to %s', (_, rotate, name, roleArns, message) => {
    const grant = () =>
      granting([rotate], ({ credentials }) => {
        for (const roleArn of roleArns) credentials?.grantRead(name, { roleArn });
      });
    expect(grant).toThrow(message);
  });

  test('fails WHEN read of a credential in a vault is granted', () => {
    const props = { ...leastProps, credentials: [{ rotate: [inVault], vault, endpoints: withSts }] } as const;
    const grant = () =>
      Template.synthesize((stack) =>
        new ActiveDirectoryIntegration(stack, 'integration', props).credentials?.grantRead('wiki', { roleArn: role }),
      );
    expect(grant).toThrow(/^credential "wiki" is kept in a vault: let its readers in there/);
  });
});

test('GIVEN the same props WHEN synthesized twice THEN the JSON is the same', () => {
  const synth = () =>
    JSON.stringify(rotating([wikiCredential, { name: 'orders', strategy: { kind: 'single', account: 'svc-orders' } }]).json);
  expect(synth()).toBe(synth());
});
