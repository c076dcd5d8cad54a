/**
 * Rotates credentials: a step that Secrets Manager asks for, the regular check of all, and events after which a password is not to be
 * trusted any more.
 */
import { randomInt } from 'node:crypto';
import * as v from 'valibot';
import type { RotationStep } from '../../events/catalogue.ts';
import { mapLimited } from '../../platform/dynamodb.ts';
import { ConfigurationError, InvalidEventError } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import { ControllerUnreachableError } from '../account-directory.ts';
import { check } from '../check.ts';
import { CredentialError } from '../credential-error.ts';
import type { CredentialSettings } from '../credential-settings.ts';
import { rotate, type StepName, steps, stepsAfterCreate } from '../rotation.ts';
import { isAbout, parseTrigger, requestFor } from '../rotation-cause.ts';
import type { RotationDependencies } from '../rotation-dependencies.ts';
import { rotationFailed } from '../rotation-events.ts';
import type { RotationLedger, RotationRequest } from '../rotation-ledger.ts';

export interface RotateCredentialDependencies {
  readonly ledger: RotationLedger;
  /** What one credential is rotated with. */
  readonly rotation: (settings: CredentialSettings) => RotationDependencies;
  /** Has Secrets Manager begin a rotation, whose steps come back here. @throws RetryableError while another is in progress */
  readonly requestRotation: (secretArn: string, version: string) => Promise<void>;
  readonly log: Log;
  /** Until the invocation is ended. */
  readonly millisecondsLeft: () => number;
}

const stepSchema = v.object({
  Step: v.picklist(['createSecret', 'setSecret', 'testSecret', 'finishSecret']),
  SecretId: v.pipe(v.string(), v.nonEmpty()),
  ClientRequestToken: v.pipe(v.string(), v.nonEmpty()),
});
const checkSchema = v.object({ check: v.literal(true) });

/** Credentials looked at side by side: a domain controller serves many, and each waits for replication now and then. */
const width = 4;
/** A rotation that is begun with less left might be cut short. */
const leastMs = 60_000;

/**
 * Handles an invocation by Secrets Manager or by the schedule.
 *
 * @throws InvalidEventError for any other
 * @throws what kept the step from being taken, after CredentialRotationFailed is out: Secrets Manager then leaves the current version as it is
 */
export async function rotateCredential(deps: RotateCredentialDependencies, request: unknown): Promise<{ readonly checked?: number }> {
  const step = v.safeParse(stepSchema, request);
  if (step.success) {
    await takeStep(deps, step.output);
    return {};
  }
  if (!v.is(checkSchema, request))
    throw new InvalidEventError('not a step of a rotation: send {"Step", "SecretId", "ClientRequestToken"} or {"check": true}');
  return { checked: await checkAll(deps) };
}

async function takeStep(deps: RotateCredentialDependencies, request: v.InferOutput<typeof stepSchema>): Promise<void> {
  const { Step: step, SecretId, ClientRequestToken: version } = request;
  const all = await deps.ledger.settings();
  const settings = all.find(({ store }) => 'secretsManager' in store && store.secretsManager.secretArn === SecretId);
  if (settings === undefined)
    throw new ConfigurationError(
      `secret ${SecretId} is none of the ${all.length} credentials: deploy the function with the module that owns it`,
    );
  const rotation = deps.rotation(settings);
  if ((await rotation.store.pending()) !== version && (await rotation.store.current())?.version !== version)
    throw new InvalidEventError(`version ${version} of ${SecretId} is neither pending nor current: a later rotation took its place`);
  await told(rotation, step, version, () => steps[step](rotation, version));
  deps.log.info('CREDENTIAL_STEP_TAKEN', { credential: settings.name, step, version });
}

async function checkAll(deps: RotateCredentialDependencies): Promise<number> {
  const all = await deps.ledger.settings();
  const failures: unknown[] = [];
  // Where there is not the time for all, those at the end of the list would never have their turn.
  const first = all.length === 0 ? 0 : randomInt(all.length);
  const done = await mapLimited([...all.slice(first), ...all.slice(0, first)], width, async (settings) => {
    if (deps.millisecondsLeft() < leastMs + 1000 * settings.replicationSeconds) {
      deps.log.warn('CREDENTIAL_UNCHECKED', { credential: settings.name, reason: 'no time was left: each check begins with another one' });
      return false;
    }
    try {
      await checkOne(deps, settings);
    } catch (error) {
      failures.push(error);
      deps.log.error('CREDENTIAL_CHECK_FAILED', { credential: settings.name, reason: reasonOf(error) });
    }
    return true;
  });
  const checked = done.filter(Boolean).length;
  deps.log.info('CREDENTIALS_CHECKED', { credentials: all.length, checked, failed: failures.length });
  if (failures.length > 0) throw failures[0];
  return checked;
}

/** What a person has to mend is told, and no failure of the check; a directory that does not answer is detect-changes' to tell. */
async function checkOne(deps: RotateCredentialDependencies, settings: CredentialSettings): Promise<void> {
  const rotation = deps.rotation(settings);
  const occasion = rotation.now().toISOString().slice(0, 10);
  try {
    const result = await told(rotation, 'check', occasion, () => check(rotation));
    if (result.do === 'rotate') await begin(deps, rotation, result.request);
    if (result.do === 'resume') {
      const { version } = result;
      deps.log.warn('CREDENTIAL_ROTATION_RESUMED', { credential: settings.name, version });
      await resume(rotation, version);
    }
  } catch (error) {
    if (error instanceof ControllerUnreachableError)
      deps.log.warn('CREDENTIAL_UNCHECKED', { credential: settings.name, reason: error.message });
    else if (!(error instanceof CredentialError)) throw error;
  }
}

/** The steps that are left, of a version that has a value. */
async function resume(rotation: RotationDependencies, version: string): Promise<void> {
  const { ledger, settings } = rotation;
  const entry = await ledger.read(settings.name);
  if (entry.request?.version !== version)
    await ledger.write({ ...entry, version: entry.version + 1, request: { version, reason: 'resumed' } });
  await rotate(rotation, version, stepsAfterCreate, tellingOf(rotation, version));
}

/** Notes the reason, then has the store's rotation begin; at a vault the steps are taken at once. */
async function begin(deps: RotateCredentialDependencies, rotation: RotationDependencies, request: RotationRequest): Promise<void> {
  const { settings, ledger } = rotation;
  const entry = await ledger.read(settings.name);
  if (entry.request?.version !== request.version) await ledger.write({ ...entry, version: entry.version + 1, request });
  deps.log.warn('CREDENTIAL_ROTATION_REQUESTED', {
    credential: settings.name,
    version: request.version,
    reason: request.reason,
    cause: request.cause?.id,
  });
  if ('secretsManager' in settings.store) await deps.requestRotation(settings.store.secretsManager.secretArn, request.version);
  else await rotate(rotation, request.version, undefined, tellingOf(rotation, request.version));
}

/**
 * Handles an event of the bus.
 *
 * @param body an EventBridge event as JSON
 * @throws InvalidEventError for one it cannot read
 * @throws RetryableError while a rotation is in progress
 */
export async function reactToEvent(deps: RotateCredentialDependencies, body: string): Promise<void> {
  const trigger = parseTrigger(body);
  const all = await deps.ledger.settings();
  const concerned = all.filter((settings) => isAbout(trigger, settings));
  // Of another directory's credentials other functions are told as well.
  if (concerned.length === 0) deps.log.info('EVENT_CONCERNS_NO_CREDENTIAL', { cause: trigger.cause.id, type: trigger.cause.type });
  for (const settings of concerned) {
    const rotation = deps.rotation(settings);
    const request = requestFor(trigger, settings, await deps.ledger.read(settings.name), rotation.now());
    if (request === undefined) deps.log.info('CREDENTIAL_CURRENT', { credential: settings.name, cause: trigger.cause.id });
    else await begin(deps, rotation, request);
  }
}

const tellingOf = (rotation: RotationDependencies, version: string) => (step: StepName, work: () => Promise<void>) =>
  told(rotation, step, version, work);

/** Runs the work; what a person has to mend is told before it is thrown, once for an occasion. */
async function told<T>(rotation: RotationDependencies, step: RotationStep, occasion: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const isExpected = error instanceof CredentialError || error instanceof ControllerUnreachableError;
    if (!isExpected || (step === 'check' && error instanceof ControllerUnreachableError)) throw error;
    const [reason, remedy] =
      error instanceof CredentialError ? [error.reason, error.remedy] : [error.message, 'the next run goes on with the same password'];
    const { ledger, settings, log, publish } = rotation;
    log.error('CREDENTIAL_ROTATION_FAILED', { credential: settings.name, step, occasion, reason, remedy });
    const entry = await ledger.read(settings.name);
    const event = rotationFailed(rotation, entry, { step, reason, remedy, occasion });
    if (entry.failure !== event.id) {
      await publish([event]);
      await ledger.write({ ...entry, version: entry.version + 1, failure: event.id });
    }
    throw error;
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : String(error));
