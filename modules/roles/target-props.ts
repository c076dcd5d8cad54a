/** A target as a team writes it in props, and the same checked and complete, as the functions get it. */
import * as v from 'valibot';
import type { ProfileAttribute } from '../../handlers/access/grants.ts';
import type { guardLimitsSchema } from '../../handlers/roles/guard-limits.ts';
import { type TargetSettings, targetSettingsSchema } from '../../handlers/roles/target-settings.ts';
import { type TargetKindName, targetKinds } from '../../handlers/roles/targets/index.ts';
import type { TargetKind } from '../../handlers/roles/targets/kind.ts';
import type { TargetOfRoles } from '../access/access-configuration-objects.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import type { Statement } from '../platform/policy.ts';
import { matching, type NonEmpty, nonEmpty, present, WrongPropError, wholeNumber } from '../platform/prop-checks.ts';
import { ownSecret } from '../platform/secret.ts';
import { literal } from '../platform/terraform-text.ts';

interface AnyTargetProps {
  /** Lower-case letters, digits and "-", 21 at most; a part of its resources' names, and what mappings and events call it. @default its kind */
  readonly name?: string;
  /** What becomes of the account of somebody who is disabled, expired or out of scope. Roles end in any case. @default 'deactivate' */
  readonly onInactive?: 'deactivate' | 'keep';
  /** What becomes of the account of somebody who is deleted from the directory. Roles end in any case. @default 'delete' */
  readonly onDeleted?: 'delete' | 'deactivate' | 'keep';
  /** Which attribute of the directory gives what the target is told of a person. @default those of every account: names, user name and mail */
  readonly attributes?: Readonly<Partial<Record<ProfileAttribute, string>>>;
  /** What may be taken away before a person has to approve it. @default 50 roles or 25 % a run, 100 or 10 % an hour, 500 or 25 % a day, less for accounts */
  readonly guard?: v.InferInput<typeof guardLimitsSchema>;
  /** How often all of the target is compared with the decisions. */
  readonly reconcile?: ReconcileProps;
}

export interface ReconcileProps {
  /** Minutes from the begin of one run to the begin of the next, 5 to 10,080. @default 60 */
  readonly everyMinutes?: number;
  /** `heal`: what differs is made right, within the guards; `report`: it is only told. @default 'heal' */
  readonly mode?: 'heal' | 'report';
}

/** `identityCenter` for the kind `identity-center`. */
type PropOf<Kind extends string> = Kind extends `${infer First}-${infer Rest}` ? `${First}${Capitalize<PropOf<Rest>>}` : Kind;

/** The settings of a kind as a team writes them; a kind that is opened with a secret takes the ARN of a team's own. */
type SettingsOf<Kind extends TargetKindName> = v.InferInput<(typeof targetKinds)[Kind]['settings']> & SecretProps;

interface SecretProps {
  /** ARN of a secret of the team's own. @default one is created without a value, for kinds that need one */
  readonly secretArn?: string;
}

/** The settings under the name of exactly one kind. */
type KindProps = {
  [Kind in TargetKindName]: { readonly [Prop in PropOf<Kind>]: SettingsOf<Kind> } & {
    readonly [Prop in PropOf<Exclude<TargetKindName, Kind>>]?: never;
  };
}[TargetKindName];

/** @example { name: 'wiki', scim: { endpoint: 'https://wiki.example.com/scim/v2', authentication: { bearer: true }, profile: 'standard' } } */
export type TargetProps = AnyTargetProps & KindProps;

/** A target, checked and complete. */
export interface TargetDefinition {
  /** As the functions read them. */
  readonly settings: TargetSettings & { readonly kind: TargetKindName };
  /** `none`: the kind needs none; `created`: without a value. */
  readonly secret: 'none' | 'created' | { readonly arn: string };
  readonly reconcile: Required<ReconcileProps>;
}

/** So many queues' URLs fit into the variables of decide-access and settle-guard: what they refer to is as long as names may be. */
const mostTargets = 10;

/** @throws WrongPropError or ConfigurationError naming each wrong value */
export function checkedTargets(targets: readonly TargetProps[], environment: IntegrationEnvironment): NonEmpty<TargetDefinition> {
  nonEmpty('targets', targets, 'name at least one place where roles are made so, { identityCenter } or { scim }');
  if (targets.length > mostTargets)
    throw new WrongPropError(
      `targets has ${targets.length} entries: ${mostTargets} are allowed, give the others an environment of their own`,
    );
  const checked = targets.map((props) => checkedTarget(props, environment));
  const names = checked.map(({ settings }) => settings.name);
  const again = names.find((name, index) => names.indexOf(name) !== index);
  if (again !== undefined) throw new WrongPropError(`targets has two of the name "${again}": give one of them another name`);
  return nonEmpty('targets', checked, 'name at least one');
}

/** `identity-center` as the prop `identityCenter`. */
const propOf = (kind: string): string => kind.replace(/-([a-z])/g, (_, first: string) => first.toUpperCase());

const kindNames = Object.keys(targetKinds) as TargetKindName[];

/** A kind, whatever its settings are: they are checked by the kind's own schema before anything else is asked. */
const kindOf = (name: TargetKindName) => targetKinds[name] as unknown as TargetKind<unknown>;

function checkedTarget(props: TargetProps, environment: IntegrationEnvironment): TargetDefinition {
  const { settings, reconcile, secretArn } = describedTarget(props);
  return { settings, reconcile, secret: secretOf(settings.name, settings.kind, settings.settings, secretArn, environment) };
}

/** What a target is, wherever it is asked from: by the integration, or by the stack of the account that it is in. @throws WrongPropError */
export function describedTarget(props: TargetProps): Omit<TargetDefinition, 'secret'> & { readonly secretArn: unknown } {
  present('targets has an entry that', props, `give one of { ${kindNames.map(propOf).join(' }, { ')} }`);
  const { name: given, onInactive, onDeleted, attributes, guard, reconcile, ...rest } = props;
  const { kind, value } = givenKind(rest);
  const name = matching(
    'targets.name',
    given ?? kind,
    /^[a-z][a-z0-9-]{0,20}$/,
    'give 1 to 21 lower-case letters, digits and "-", a letter first',
  );
  const { secretArn, ...own } = value;
  const settings = checked(`targets "${name}".${propOf(kind)}`, kindOf(kind).settings, own);
  const whole = { name, kind, settings, ...defined({ onInactive, onDeleted, attributes, guard }) };
  refuseUntaken(name, kind, attributes ?? {});
  return {
    settings: { ...checked(`targets "${name}"`, targetSettingsSchema, whole), kind },
    reconcile: checkedReconcile(name, reconcile),
    secretArn,
  };
}

/** @throws WrongPropError when it is not exactly one */
function givenKind(rest: object): { readonly kind: TargetKindName; readonly value: Readonly<Record<string, unknown>> } {
  const entries = Object.entries(rest).filter(([, value]) => value !== undefined);
  const [first, ...others] = entries;
  const kind = kindNames.find((one) => propOf(one) === first?.[0]);
  const remedy = `give exactly one of { ${kindNames.map(propOf).join(' }, { ')} }, with its settings`;
  if (first === undefined || others.length > 0 || kind === undefined) {
    throw new WrongPropError(
      `targets has an entry with ${entries.length === 0 ? 'no kind' : entries.map(([prop]) => prop).join(' and ')}: ${remedy}`,
    );
  }
  return { kind, value: present(`targets.${first[0]}`, first[1], remedy) as Readonly<Record<string, unknown>> };
}

function checked<Schema extends v.GenericSchema>(prop: string, schema: Schema, value: unknown): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const wrong = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'it'}: ${saidOf(issue)}`);
  throw new WrongPropError(withoutSecrets(`${prop} is wrong: ${[...new Set(wrong)].join('; ')}`, value));
}

/** What Valibot says of a property that is missing, or that there is not, names no remedy. */
function saidOf({ type, expected, received, message, input }: v.BaseIssue<unknown>): string {
  if (type === 'strict_object' && expected === 'never') return 'there is no such setting: leave it out';
  if (type === 'strict_object' && received === 'undefined') return 'is missing: give it';
  return `${message} (got ${JSON.stringify(input)})`;
}

/** The message without what stands under a name of secrets: it belongs into the target's secret, and somebody wrote it here by mistake. */
function withoutSecrets(message: string, value: unknown): string {
  if (typeof value !== 'object' || value === null) return message;
  return Object.entries(value).reduce(
    (text, [key, one]) =>
      typeof one === 'string' && one !== '' && /(?:bearer|token|secret|password|key)$/i.test(key)
        ? text.replaceAll(one, '…')
        : withoutSecrets(text, one),
    message,
  );
}

/** Without the properties that have no value: what is left out has its default. */
const defined = (value: object): object => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));

function refuseUntaken(name: string, kind: TargetKindName, attributes: object): void {
  const taken = kindOf(kind).attributes;
  const untaken = Object.keys(attributes).find((attribute) => !taken.includes(attribute));
  if (untaken === undefined) return;
  throw new WrongPropError(`attributes of target "${name}" name ${untaken}: ${kind} takes ${taken.join(', ')}, leave the rest out`);
}

function secretOf(
  name: string,
  kind: TargetKindName,
  settings: unknown,
  secretArn: unknown,
  environment: IntegrationEnvironment,
): TargetDefinition['secret'] {
  const prop = `targets "${name}".${propOf(kind)}.secretArn`;
  if (kindOf(kind).secret(settings))
    return secretArn === undefined ? 'created' : { arn: ownSecret(prop, secretArn as string, environment) };
  if (secretArn !== undefined)
    throw new WrongPropError(`${prop} is ${JSON.stringify(secretArn)}: leave it out, ${kind} with these settings reads none`);
  return 'none';
}

function checkedReconcile(name: string, { everyMinutes = 60, mode = 'heal' }: ReconcileProps = {}): Required<ReconcileProps> {
  wholeNumber(`reconcile.everyMinutes of target "${name}"`, everyMinutes, 5, 10_080);
  matching(`reconcile.mode of target "${name}"`, mode, /^(?:heal|report)$/, 'give "heal" or "report"');
  return { everyMinutes, mode };
}

/** What deciding has to know of a target. */
export function targetOfRoles({ settings }: TargetDefinition): TargetOfRoles {
  const assignable = kindOf(settings.kind).assignable(settings.settings);
  return { attributes: settings.attributes ?? {}, ...(assignable === undefined ? {} : { assignable }) } as TargetOfRoles;
}

/** The environment variable `TARGET`. */
export const targetVariable = ({ settings }: TargetDefinition): string => literal(JSON.stringify(settings));

/** What the functions may do at the target. A kind keeps what only deletes accounts in the statement `DeleteUsers`. */
export function permissionsAt({ settings }: TargetDefinition, place: IntegrationEnvironment, use: 'keep' | 'read'): readonly Statement[] {
  const { partition, account, region } = place;
  return withoutNeedlessDeletions(settings, kindOf(settings.kind).permissions(settings.settings, { partition, account, region }, use));
}

/** Nobody may delete a user where no account is ever deleted. */
export const withoutNeedlessDeletions = (
  { onDeleted }: Pick<TargetSettings, 'onDeleted'>,
  statements: readonly Statement[],
): readonly Statement[] => (onDeleted === 'delete' ? statements : statements.filter(({ Sid }) => Sid !== 'DeleteUsers'));
