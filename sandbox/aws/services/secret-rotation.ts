import { randomUUID } from 'node:crypto';
import { AwsError } from '../error.ts';
import { limit, optionalRecord, optionalText } from '../input.ts';
import type { Caller, Input, Output, Surroundings } from '../service.ts';
import { addEmptyVersion, current, hasValue, holderOf, pending, type Secret } from './secret.ts';

// Rotation by a function (Secrets Manager API Reference, RotateSecret and CancelRotateSecret; User Guide, "Rotation by Lambda function").
// Nothing rotates by the clock here: whoever plays it calls RotateSecret.

const steps = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;
type Step = (typeof steps)[number];

/** "If any rotation step fails, Secrets Manager retries the entire rotation process multiple times": neither how often nor when is documented. */
const retryDelaysMs = [100, 1000];

interface Run {
  readonly token: string;
  cancelled: boolean;
}

export class SecretRotations {
  readonly #surroundings: Surroundings;
  /** Resolves as soon as functions can be invoked: a stack is applied before they can. */
  readonly #runtime: Promise<void>;
  readonly #closing = Promise.withResolvers<void>();
  /** Rotations under way, by the secret's ARN. */
  readonly #runs = new Map<string, Run>();
  /** Tests of a configuration under way, by the secret's ARN: the version they make and remove is no rotation. */
  readonly #tests = new Map<string, Promise<void>>();
  readonly #work = new Set<Promise<void>>();
  #closed = false;

  constructor(surroundings: Surroundings, runtime: Promise<void>) {
    this.#surroundings = surroundings;
    this.#runtime = runtime;
  }

  /** Rotations and tests of a configuration that are not at their end. */
  get pending(): number {
    return this.#work.size;
  }

  /**
   * Configures the rotation where the input says how, and starts one in the background.
   *
   * @throws AwsError InvalidRequestException while another one is under way, or without a function
   */
  async rotate(secret: Secret, input: Input): Promise<Output> {
    const token = optionalText(input, 'ClientRequestToken') ?? randomUUID();
    if (token.length < 32 || token.length > 64)
      throw new AwsError('InvalidParameterException', `ClientRequestToken '${token}': 32 to 64 characters`);
    const lambdaArn = optionalText(input, 'RotationLambdaARN') ?? secret.rotation?.lambdaArn;
    if (lambdaArn === undefined)
      throw new AwsError('InvalidRequestException', 'No Lambda rotation function ARN is associated with this secret.');
    const rules = checkedRules(optionalRecord(input, 'RotationRules') ?? secret.rotation?.rules ?? {});
    await this.#tryInvocation(secret, lambdaArn);
    await this.#tests.get(secret.arn);
    const unfinished = this.#unfinished(secret);
    if (unfinished !== undefined && unfinished !== token) {
      if (!this.#runs.has(secret.arn)) this.#start(secret, unfinished);
      throw new AwsError('InvalidRequestException', "A previous rotation isn't complete. That rotation will be reattempted.");
    }
    secret.rotation = { enabled: true, lambdaArn, rules };
    const answer = { ARN: secret.arn, Name: secret.name, VersionId: token };
    if (input.RotateImmediately === false) {
      this.#background(this.#testWhenPossible(secret, token));
      return answer;
    }
    // The same request again: what it asks for is done, or under way.
    if (secret.versions.get(token)?.stages.has(current) || this.#runs.has(secret.arn)) return answer;
    if (unfinished === undefined) addEmptyVersion(secret, token, pending);
    this.#start(secret, token);
    return answer;
  }

  /** Labels stay as they are, as documented: somebody has to look which of them is right. */
  cancel(secret: Secret): Output {
    const run = this.#runs.get(secret.arn);
    if (run) run.cancelled = true;
    this.#runs.delete(secret.arn);
    if (secret.rotation) secret.rotation.enabled = false;
    return { ARN: secret.arn, Name: secret.name, ...(run ? { VersionId: run.token } : {}) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    await Promise.allSettled(this.#work);
  }

  /** The version that is pending and not current: a rotation has begun and not ended. */
  #unfinished(secret: Secret): string | undefined {
    const holder = holderOf(secret, pending);
    return holder === undefined || holder.stages.has(current) ? undefined : holder.id;
  }

  #start(secret: Secret, token: string): void {
    const run: Run = { token, cancelled: false };
    this.#runs.set(secret.arn, run);
    this.#background(
      this.#run(secret, run).finally(() => {
        if (this.#runs.get(secret.arn) === run) this.#runs.delete(secret.arn);
      }),
    );
  }

  #background(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work)).catch(() => {});
  }

  async #run(secret: Secret, run: Run): Promise<void> {
    await Promise.race([this.#runtime, this.#closing.promise]);
    for (let attempt = 0; !this.#closed && !run.cancelled; attempt += 1) {
      if (await this.#takeSteps(secret, run)) {
        secret.rotatedAt = new Date();
        return;
      }
      const delay = retryDelaysMs[attempt];
      if (delay === undefined) return;
      await pause(delay);
    }
  }

  /** One after the other, up to the first that fails. */
  async #takeSteps(secret: Secret, run: Run): Promise<boolean> {
    for (const step of steps) {
      if (run.cancelled || this.#closed) return false;
      if (!(await this.#invoke(secret, step, run.token))) return false;
    }
    return true;
  }

  async #testWhenPossible(secret: Secret, token: string): Promise<void> {
    await Promise.race([this.#runtime, this.#closing.promise]);
    // A rotation that began meanwhile tells as much.
    if (this.#closed || this.#unfinished(secret) !== undefined) return;
    const test = this.#testConfiguration(secret, token).finally(() => this.#tests.delete(secret.arn));
    this.#tests.set(secret.arn, test);
    await test;
  }

  /**
   * "This test creates an AWSPENDING version of the secret and then removes it." What its value is, AWS does not say; that of the current one is what
   * AWS's own rotation functions could pass the test with.
   */
  async #testConfiguration(secret: Secret, token: string): Promise<void> {
    const now = holderOf(secret, current);
    const label = holderOf(secret, pending);
    const version = addEmptyVersion(secret, token, pending);
    if (now && hasValue(now)) Object.assign(version, { text: now.text, binary: now.binary });
    await this.#invoke(secret, 'testSecret', token);
    secret.versions.delete(token);
    // The label of the last rotation's version was where it had ended.
    if (label !== undefined && holderOf(secret, pending) === undefined) label.stages.add(pending);
  }

  /** @returns whether the function ended without an error */
  async #invoke(secret: Secret, Step: Step, ClientRequestToken: string): Promise<boolean> {
    try {
      const { FunctionError } = await this.#surroundings.call(this.#caller(secret), 'lambda', 'Invoke', {
        FunctionName: secret.rotation?.lambdaArn,
        InvocationType: 'RequestResponse',
        Payload: JSON.stringify({ Step, SecretId: secret.arn, ClientRequestToken }),
      });
      return FunctionError === undefined;
    } catch (error) {
      if (error instanceof AwsError) return false; // it is in the call log
      throw error;
    }
  }

  #caller({ arn }: Secret): Caller {
    return { service: 'secretsmanager.amazonaws.com', sourceArn: arn };
  }

  async #tryInvocation(secret: Secret, lambdaArn: string): Promise<void> {
    try {
      await this.#surroundings.call(this.#caller(secret), 'lambda', 'Invoke', { FunctionName: lambdaArn, InvocationType: 'DryRun' });
    } catch (cause) {
      if (!(cause instanceof AwsError)) throw cause;
      throw new AwsError(
        'AccessDeniedException',
        'Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.',
      );
    }
  }
}

/** What DescribeSecret and ListSecrets tell of it. */
export function describedRotation({ rotation, rotatedAt, changedAt }: Secret): Output {
  return {
    ...(rotation ? { RotationEnabled: rotation.enabled, RotationLambdaARN: rotation.lambdaArn, RotationRules: rotation.rules } : {}),
    ...(rotatedAt ? { LastRotatedDate: rotatedAt } : {}),
    ...(rotation?.enabled ? nextRotation(rotation.rules, changedAt) : {}),
  };
}

/** A value that somebody put counts as a rotation (RotationRulesType). Of a cron expression the next date is not worked out here. */
function nextRotation(rules: Input, since: Date): Output {
  const [, count, unit] = /^rate\((\d+) (hour|day)s?\)$/.exec(String(rules.ScheduleExpression ?? '')) ?? [];
  const days = count === undefined ? Number(rules.AutomaticallyAfterDays) : Number(count) / (unit === 'hour' ? 24 : 1);
  return Number.isFinite(days) ? { NextRotationDate: new Date(since.getTime() + days * 86_400_000) } : {};
}

/** @throws AwsError InvalidParameterException for what "RotationRulesType" of the API Reference does not take */
function checkedRules(rules: Input): Input {
  const refuse = (why: string): never => {
    throw new AwsError('InvalidParameterException', `RotationRules: ${why}`);
  };
  const { AutomaticallyAfterDays: days, ScheduleExpression: schedule, Duration: duration } = rules;
  if (days !== undefined && schedule !== undefined) refuse('either AutomaticallyAfterDays or ScheduleExpression, not both');
  if (days !== undefined) limit(rules, 'AutomaticallyAfterDays', 1, 1000, 1);
  if (duration !== undefined && !/^\d{1,2}h$/.test(String(duration))) refuse(`Duration '${duration}' is no number of hours, such as 3h`);
  if (schedule === undefined) return rules;
  const [, count = '0', unit] = /^rate\((\d+) (hour|day)s?\)$/.exec(String(schedule)) ?? [];
  const isCron = /^cron\(0 \S+ \S+ \S+ \S+ \*\)$/.test(String(schedule));
  if (!isCron && (unit === undefined || Number(count) < (unit === 'hour' ? 4 : 1)))
    refuse(`ScheduleExpression '${schedule}' is neither cron(0 … *) nor a rate of four hours or more`);
  return rules;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
