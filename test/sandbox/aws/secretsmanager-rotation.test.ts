import {
  CancelRotateSecretCommand,
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutResourcePolicyCommand,
  PutSecretValueCommand,
  ReplicateSecretToRegionsCommand,
  RotateSecretCommand,
  type RotateSecretCommandInput,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { beforeEach, describe, expect, test } from 'vitest';
import { account, allow, clientOf, endpointForTests, eventually, failure, region, roleAllowed } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new SecretsManagerClient(clientOf(endpoint));
const lambdaArn = `arn:aws:lambda:${region}:${account}:function:rotate`;
await endpoint.call('operator', 'lambda', 'CreateFunction', {
  FunctionName: 'rotate',
  Role: `arn:aws:iam::${account}:role/rotate`,
  Code: {},
});
await endpoint.call('operator', 'lambda', 'AddPermission', {
  FunctionName: 'rotate',
  StatementId: 'rotation',
  Action: 'lambda:InvokeFunction',
  Principal: 'secretsmanager.amazonaws.com',
  SourceAccount: account,
  SourceArn: `arn:aws:secretsmanager:${region}:${account}:secret:rotating/*`,
});

interface StepEvent {
  readonly Step: string;
  readonly SecretId: string;
  readonly ClientRequestToken: string;
}

/** What the function was called with, and how it behaves: a rotation as the templates of AWS do it. */
const calls: StepEvent[] = [];
let behave: (event: StepEvent) => Promise<void> = rotateAsDocumented;

async function rotateAsDocumented({ Step, SecretId, ClientRequestToken }: StepEvent): Promise<void> {
  if (Step === 'createSecret') {
    await client.send(
      new PutSecretValueCommand({
        SecretId,
        ClientRequestToken,
        SecretString: `made-for-${ClientRequestToken}`,
        VersionStages: ['AWSPENDING'],
      }),
    );
  }
  if (Step === 'testSecret') await client.send(new GetSecretValueCommand({ SecretId, VersionStage: 'AWSPENDING' }));
  if (Step !== 'finishSecret') return;
  const { VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId }));
  const RemoveFromVersionId = Object.entries(VersionIdsToStages).find(([, stages]) => stages.includes('AWSCURRENT'))?.[0];
  await client.send(
    new UpdateSecretVersionStageCommand({ SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: ClientRequestToken, RemoveFromVersionId }),
  );
}

endpoint.onInvoke(async ({ payload }) => {
  const event = JSON.parse(payload) as StepEvent;
  calls.push(event);
  try {
    await behave(event);
    return { payload: 'null' };
  } catch (error) {
    return { payload: JSON.stringify({ errorMessage: String(error) }), functionError: 'Unhandled' };
  }
});

beforeEach(() => {
  calls.length = 0;
  behave = rotateAsDocumented;
});

let made = 0;
async function newSecret(SecretString?: string, folder = 'rotating'): Promise<string> {
  made += 1;
  const { ARN = '' } = await client.send(new CreateSecretCommand({ Name: `${folder}/${made}`, ...(SecretString ? { SecretString } : {}) }));
  return ARN;
}
const configuration = { RotationLambdaARN: lambdaArn, RotationRules: { AutomaticallyAfterDays: 30 } };
const rotate = (SecretId: string, more: Partial<RotateSecretCommandInput> = configuration) =>
  client.send(new RotateSecretCommand({ SecretId, ...more }));
const describeSecret = (SecretId: string) => client.send(new DescribeSecretCommand({ SecretId }));
const readValue = async (SecretId: string, VersionStage = 'AWSCURRENT') =>
  (await client.send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString;
const untilQuiet = () => eventually(() => (endpoint.pendingRotations === 0 ? true : undefined));
const token = '11111111-1111-4111-8111-111111111111';

describe('RotateSecret', () => {
  test('GIVEN a secret WHEN rotated THEN the function is called for each step in order, with the token that becomes the version', async () => {
    const arn = await newSecret('old');
    const seen: unknown[] = [];
    behave = async (event) => {
      if (event.Step === 'createSecret') {
        const { VersionIdsToStages } = await describeSecret(arn);
        seen.push(VersionIdsToStages?.[token], (await failure(readValue(arn, 'AWSPENDING'))).name);
      }
      await rotateAsDocumented(event);
    };
    expect(await rotate(arn, { ...configuration, ClientRequestToken: token })).toMatchObject({ ARN: arn, VersionId: token });
    await untilQuiet();
    // An empty version is pending when the first step begins.
    expect(seen).toEqual([['AWSPENDING'], 'ResourceNotFoundException']);
    expect(calls).toEqual(
      ['createSecret', 'setSecret', 'testSecret', 'finishSecret'].map((Step) => ({ Step, SecretId: arn, ClientRequestToken: token })),
    );
    expect(await readValue(arn)).toBe(`made-for-${token}`);
    expect(await readValue(arn, 'AWSPREVIOUS')).toBe('old');
    const described = await describeSecret(arn);
    expect(described).toMatchObject({ RotationEnabled: true, RotationLambdaARN: lambdaArn, RotationRules: { AutomaticallyAfterDays: 30 } });
    const [last = 0, next = 0] = [described.LastRotatedDate?.getTime(), described.NextRotationDate?.getTime()];
    expect(Math.round((next - last) / 86_400_000)).toBe(30);
  });

  test('GIVEN a rotation that has ended WHEN the next is asked for THEN it begins, with what was configured before', async () => {
    const arn = await newSecret('old');
    await rotate(arn);
    await untilQuiet();
    const { VersionId } = await rotate(arn, {});
    await untilQuiet();
    expect(await readValue(arn)).toBe(`made-for-${VersionId}`);
  });

  test('GIVEN the same token again WHEN its rotation has ended THEN nothing happens', async () => {
    const arn = await newSecret('old');
    for (let time = 0; time < 2; time += 1) {
      await rotate(arn, { ...configuration, ClientRequestToken: token });
      await untilQuiet();
    }
    expect(calls).toHaveLength(4);
  });

  test('GIVEN a step that fails for a while WHEN rotated THEN the later ones wait, and the whole is tried again with the same token', async () => {
    const arn = await newSecret('old');
    let failures = 0;
    behave = async (event) => {
      if (event.Step === 'setSecret' && failures < 1) {
        failures += 1;
        throw new Error('a domain controller is down');
      }
      await rotateAsDocumented(event);
    };
    await rotate(arn);
    await untilQuiet();
    expect(calls.map(({ Step }) => Step)).toEqual(['createSecret', 'setSecret', 'createSecret', 'setSecret', 'testSecret', 'finishSecret']);
    expect(new Set(calls.map(({ ClientRequestToken }) => ClientRequestToken)).size).toBe(1);
    expect((await describeSecret(arn)).LastRotatedDate).toBeInstanceOf(Date);
  });

  test('GIVEN a rotation that failed for good WHEN another is asked for THEN it is refused, and the old one is taken up again', async () => {
    const arn = await newSecret('old');
    behave = async ({ Step }) => {
      if (Step === 'setSecret') throw new Error('no right');
    };
    const { VersionId } = await rotate(arn);
    await untilQuiet();
    expect(calls.filter(({ Step }) => Step === 'setSecret')).toHaveLength(3);
    const described = await describeSecret(arn);
    expect(described.LastRotatedDate).toBeUndefined();
    expect(described.VersionIdsToStages?.[VersionId ?? '']).toEqual(['AWSPENDING']);
    expect(await readValue(arn)).toBe('old');
    behave = rotateAsDocumented;
    expect(await failure(rotate(arn))).toMatchObject({
      name: 'InvalidRequestException',
      message: "A previous rotation isn't complete. That rotation will be reattempted.",
    });
    await untilQuiet();
    expect(await readValue(arn)).toBe(`made-for-${VersionId}`);
  }, 10_000);

  test('GIVEN a rotation under way WHEN another is asked for THEN it is refused and the first goes on alone', async () => {
    const arn = await newSecret('old');
    const { promise, resolve } = Promise.withResolvers<void>();
    behave = async (event) => {
      if (event.Step === 'createSecret') await promise;
      await rotateAsDocumented(event);
    };
    const { VersionId } = await rotate(arn);
    expect((await failure(rotate(arn))).name).toBe('InvalidRequestException');
    resolve();
    await untilQuiet();
    expect(calls).toHaveLength(4);
    expect(await readValue(arn)).toBe(`made-for-${VersionId}`);
  });

  test.each([
    ['a value', 'old'],
    ['none', undefined],
  ])(
    'GIVEN a secret with %s WHEN rotation is turned on for later THEN testSecret alone runs, on a version that is removed afterwards',
    async (_, value) => {
      const arn = await newSecret(value);
      const seen: unknown[] = [];
      behave = async () => {
        seen.push(await readValue(arn, 'AWSPENDING').catch((error: Error) => error.name));
      };
      await rotate(arn, { ...configuration, RotateImmediately: false });
      await untilQuiet();
      expect(calls.map(({ Step }) => Step)).toEqual(['testSecret']);
      expect(seen).toEqual([value ?? 'ResourceNotFoundException']);
      const described = await describeSecret(arn);
      expect(described.RotationEnabled).toBe(true);
      expect(Object.values(described.VersionIdsToStages ?? {}).flat()).toEqual(value === undefined ? [] : ['AWSCURRENT']);
      behave = rotateAsDocumented;
      const { VersionId } = await rotate(arn, {});
      await untilQuiet();
      expect(await readValue(arn)).toBe(`made-for-${VersionId}`);
    },
  );

  test.each([
    [{ ScheduleExpression: 'rate(12 hours)', Duration: '3h' }, 0.5],
    [{ ScheduleExpression: 'rate(10 days)' }, 10],
    [{ ScheduleExpression: 'cron(0 2 ? * SUN *)' }, undefined],
  ] as const)('GIVEN the rules %j WHEN described THEN they are shown, with the next date where it follows', async (RotationRules, days) => {
    const arn = await newSecret('old');
    await rotate(arn, { RotationLambdaARN: lambdaArn, RotationRules, RotateImmediately: false });
    await untilQuiet();
    const described = await describeSecret(arn);
    expect(described.RotationRules).toEqual(RotationRules);
    const next =
      described.NextRotationDate && (described.NextRotationDate.getTime() - (described.LastChangedDate?.getTime() ?? 0)) / 86_400_000;
    expect(next).toBe(days);
  });

  test.each([
    ['a secret that there is not', 'nowhere', configuration, 'ResourceNotFoundException'],
    ['no function', undefined, {}, 'InvalidRequestException'],
    ['a short token', undefined, { ...configuration, ClientRequestToken: 'short' }, 'InvalidParameterException'],
    [
      'two schedules',
      undefined,
      { ...configuration, RotationRules: { AutomaticallyAfterDays: 1, ScheduleExpression: 'rate(1 day)' } },
      'InvalidParameterException',
    ],
    [
      'a rate of an hour',
      undefined,
      { ...configuration, RotationRules: { ScheduleExpression: 'rate(1 hour)' } },
      'InvalidParameterException',
    ],
    [
      'a window that is none',
      undefined,
      { ...configuration, RotationRules: { AutomaticallyAfterDays: 1, Duration: 'h' } },
      'InvalidParameterException',
    ],
    ['1001 days', undefined, { ...configuration, RotationRules: { AutomaticallyAfterDays: 1001 } }, 'ValidationException'],
    ['a function that there is not', undefined, { RotationLambdaARN: `${lambdaArn}s` }, 'AccessDeniedException'],
  ] as const)('fails WHEN given %s', async (_, id, more, name) => {
    const arn = id ?? (await newSecret('old'));
    expect((await failure(rotate(arn, more))).name).toBe(name);
    expect(calls).toEqual([]);
  });

  test("fails WHEN the function's policy does not let Secrets Manager call it for this secret", async () => {
    const arn = await newSecret('old', 'elsewhere');
    expect(await failure(rotate(arn))).toMatchObject({
      name: 'AccessDeniedException',
      message: expect.stringContaining('secretsmanager.amazonaws.com'),
    });
    expect((await describeSecret(arn)).RotationEnabled).toBeUndefined();
  });

  test('fails WHEN the caller may rotate the secret and not invoke its function', async () => {
    const arn = await newSecret('old');
    const as = (...statements: ReturnType<typeof allow>[]) =>
      new SecretsManagerClient(clientOf(endpoint, endpoint.credentialsFor(roleAllowed(endpoint, 'rotator', statements), 'test'))).send(
        new RotateSecretCommand({ SecretId: arn, ...configuration }),
      );
    const [secret, invoke] = [allow('secretsmanager:RotateSecret', arn), allow('lambda:InvokeFunction', lambdaArn)];
    expect((await failure(as(secret))).message).toContain('lambda:InvokeFunction');
    expect((await failure(as(invoke))).message).toContain('secretsmanager:RotateSecret');
    await as(secret, invoke);
    await untilQuiet();
    expect(calls).toHaveLength(4);
  });
});

test('GIVEN a secret without a value WHEN the first is put as pending THEN it is current too, as nothing else could be', async () => {
  const arn = await newSecret();
  await client.send(
    new PutSecretValueCommand({ SecretId: arn, SecretString: 'first', ClientRequestToken: token, VersionStages: ['AWSPENDING'] }),
  );
  expect((await describeSecret(arn)).VersionIdsToStages?.[token]?.toSorted()).toEqual(['AWSCURRENT', 'AWSPENDING']);
  await client.send(new PutSecretValueCommand({ SecretId: arn, SecretString: 'second', VersionStages: ['AWSPENDING'] }));
  expect(await readValue(arn)).toBe('first');
});

describe('CancelRotateSecret', () => {
  test('GIVEN a rotation under way WHEN cancelled THEN no later step runs, and the labels stay for somebody to look at', async () => {
    const arn = await newSecret('old');
    const { promise, resolve } = Promise.withResolvers<void>();
    behave = async (event) => {
      await rotateAsDocumented(event);
      await promise;
    };
    const { VersionId } = await rotate(arn);
    await eventually(() => calls[0]);
    expect(await client.send(new CancelRotateSecretCommand({ SecretId: arn }))).toMatchObject({ ARN: arn, VersionId });
    resolve();
    await untilQuiet();
    expect(calls.map(({ Step }) => Step)).toEqual(['createSecret']);
    const described = await describeSecret(arn);
    expect(described).toMatchObject({ RotationEnabled: false });
    expect(described.NextRotationDate).toBeUndefined();
    expect(described.VersionIdsToStages?.[VersionId ?? '']).toEqual(['AWSPENDING']);
  });

  test('GIVEN a cancelled rotation whose label is taken away WHEN rotated THEN it is turned on again', async () => {
    const arn = await newSecret('old');
    await rotate(arn);
    await untilQuiet();
    await client.send(new CancelRotateSecretCommand({ SecretId: arn }));
    await rotate(arn, {});
    await untilQuiet();
    expect((await describeSecret(arn)).RotationEnabled).toBe(true);
    expect(calls).toHaveLength(8);
  });
});

describe('copies and policies', () => {
  test('GIVEN other regions WHEN the secret is copied there THEN their status is shown, with the key of each', async () => {
    const arn = await newSecret('old');
    const AddReplicaRegions = [{ Region: 'eu-west-1' }, { Region: 'us-east-1', KmsKeyId: 'alias/copies' }];
    await client.send(new ReplicateSecretToRegionsCommand({ SecretId: arn, AddReplicaRegions }));
    expect(await describeSecret(arn)).toMatchObject({
      PrimaryRegion: region,
      ReplicationStatus: [
        { Region: 'eu-west-1', KmsKeyId: 'alias/aws/secretsmanager', Status: 'InSync' },
        { Region: 'us-east-1', KmsKeyId: 'alias/copies', Status: 'InSync' },
      ],
    });
  });

  test('fails WHEN the copy is to lie where the secret is', async () => {
    const arn = await newSecret('old');
    const copying = client.send(new ReplicateSecretToRegionsCommand({ SecretId: arn, AddReplicaRegions: [{ Region: region }] }));
    expect((await failure(copying)).name).toBe('InvalidParameterException');
  });

  const statement = (more: object) => ({ Effect: 'Allow', Action: 'secretsmanager:GetSecretValue', Resource: '*', ...more });
  const put = (SecretId: string, ...statements: readonly object[]) =>
    client.send(
      new PutResourcePolicyCommand({
        SecretId,
        ResourcePolicy: JSON.stringify({ Version: '2012-10-17', Statement: statements }),
        BlockPublicPolicy: true,
      }),
    );

  test.each([
    ['everybody', '*'],
    ['every AWS principal', { AWS: ['*'] }],
  ])('fails WHEN a policy for %s is to be blocked', async (_, Principal) => {
    const arn = await newSecret('old');
    expect((await failure(put(arn, statement({ Principal })))).name).toBe('PublicPolicyException');
  });

  test('GIVEN a policy for one role, or a denial for all WHEN put THEN it is taken', async () => {
    const arn = await newSecret('old');
    const role = statement({ Principal: { AWS: 'arn:aws:iam::444455556666:role/wiki' } });
    expect(await put(arn, role, statement({ Principal: '*', Effect: 'Deny' }))).toMatchObject({ ARN: arn });
  });
});
