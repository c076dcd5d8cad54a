/** Secrets and their rotation. */
import type { PlannedChange } from '../plan.ts';
import { isRecord, type Json, jsonIn, textAt, type Values, valueAt } from '../plan-values.ts';
import type { Check, Reviewed } from '../reviewed.ts';
import { fromTo, isEmpty, isGone, isPlanned, lowered, ofEach, stays, stretched, turned } from './changed-values.ts';

export const rotationWeakened: Check = ofEach(['aws_secretsmanager_secret_rotation', 'aws_dynamodb_table_item'], (change) => {
  if (change.type === 'aws_dynamodb_table_item') return settingsWeakened(change);
  if (isGone(change)) return 'the secret does not rotate any more';
  if (!stays(change)) return undefined;
  return [
    turned(change, 'rotation_enabled', true),
    longer(change, 'rotation_rules.0.automatically_after_days'),
    stretched(change, 'rotation_rules.0.schedule_expression'),
  ].filter((one) => one !== undefined);
});

function longer({ before, after }: PlannedChange, path: string): string | undefined {
  const [old, next] = [valueAt(before, path), valueAt(after, path)];
  return typeof old === 'number' && typeof next === 'number' && next > old ? fromTo(path, old, next) : undefined;
}

/** A credential's settings are an item of the credentials table. */
function settingsWeakened(change: PlannedChange): readonly string[] {
  const settingsOf = (values: Values | undefined): Values | undefined => {
    const item = jsonIn(textAt(values, 'item'));
    const settings = isRecord(item) ? jsonIn(textAt(item as Values, 'settings.S')) : undefined;
    return isRecord(settings) ? (settings as Values) : undefined;
  };
  const [before, after] = [settingsOf(change.before), settingsOf(change.after)];
  if (before === undefined) return [];
  if (after === undefined) return isGone(change) ? ['the credential is not rotated any more'] : [];
  const settings = { ...change, before, after };
  return [longer(settings, 'everyDays'), lowered(settings, 'password.length')].filter((one) => one !== undefined);
}

/** Values that Terraform keeps in its state and plan, marked as sensitive or not. */
const valueTypes: Readonly<Record<string, readonly string[]>> = {
  aws_secretsmanager_secret_version: ['secret_string', 'secret_binary'],
  aws_ssm_parameter: ['value'],
  aws_directory_service_directory: ['password'],
};

export const secretInPlan: Check = (reviewed) => [
  ...reviewed.plan.changes.flatMap(({ address, exposed }) =>
    exposed.map((path) => ({ address, detail: `${path} holds a secret in clear text` })),
  ),
  ...reviewed.plan.exposedOutputs.map((name) => ({
    address: `output.${name}`,
    detail: 'it tells a secret and is not marked as sensitive',
  })),
  ...keptInState(reviewed),
];

const keptInState: Check = (reviewed: Reviewed) =>
  ofEach(Object.keys(valueTypes), (change) => {
    if (!isPlanned(change) || (change.type === 'aws_ssm_parameter' && valueAt(change.after, 'type') !== 'SecureString')) return undefined;
    return (valueTypes[change.type] ?? [])
      .filter((path) => isKept(valueAt(change.after, path)))
      .map((path) => `the state would keep its ${path}`);
  })(reviewed).filter(({ address, detail }) => {
    // Told once: what is in clear text is told as that.
    const { exposed = [] } = reviewed.plan.changes.find((change) => change.address === address) ?? {};
    return !exposed.some((path) => detail.endsWith(` ${path}`));
  });

const isKept = (value: Json | undefined): boolean => !isEmpty(value);
