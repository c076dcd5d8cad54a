/**
 * A plan as `terraform show -json` writes it (HashiCorp, "JSON Output Format"), read for review: values with what is known of them, secrets
 * masked before anything else sees them.
 */
import * as v from 'valibot';
import { type Domain, domainOf } from './domains.ts';
import { type Json, knownValues, referenceReader, type Values } from './plan-values.ts';
import { withoutSecrets } from './secret-values.ts';

export type Action = 'create' | 'update' | 'replace' | 'delete' | 'forget' | 'none';

export interface PlannedChange {
  /** `aws_sqs_queue.integration_access_queue_ACD3BA76` */
  readonly address: string;
  readonly type: string;
  readonly domain: Domain;
  readonly action: Action;
  /** Undefined for what is created. */
  readonly before: Values | undefined;
  /** Undefined for what is deleted or forgotten. Values that are known after apply only are told by `unknownText` or by their references. */
  readonly after: Values | undefined;
  /** Attributes that force a replacement: `key`. */
  readonly forcedBy: readonly string[];
  /** Places of secret values in what is planned, `environment.0.variables.PASSWORD`; the values themselves are masked. */
  readonly exposed: readonly string[];
}

export interface ReviewedPlan {
  readonly terraformVersion: string;
  readonly changes: readonly PlannedChange[];
  /** Outputs whose value is secret and not marked as sensitive. */
  readonly exposedOutputs: readonly string[];
}

/** The plan is none that can be reviewed. The message says why, and what to do. */
export class PlanError extends Error {
  override readonly name = 'PlanError';
}

const changeSchema = v.looseObject({
  actions: v.array(v.string()),
  before: v.optional(v.unknown()),
  after: v.optional(v.unknown()),
  after_unknown: v.optional(v.unknown()),
  before_sensitive: v.optional(v.unknown()),
  after_sensitive: v.optional(v.unknown()),
  replace_paths: v.optional(v.array(v.array(v.union([v.string(), v.number()]))), []),
});

const planSchema = v.looseObject({
  format_version: v.string(),
  terraform_version: v.optional(v.string(), 'unknown'),
  errored: v.optional(v.boolean(), false),
  resource_changes: v.optional(
    v.array(
      v.looseObject({ address: v.string(), mode: v.string(), type: v.string(), deposed: v.optional(v.string()), change: changeSchema }),
    ),
    [],
  ),
  output_changes: v.optional(v.record(v.string(), changeSchema), {}),
  configuration: v.optional(
    v.looseObject({
      root_module: v.optional(
        v.looseObject({
          resources: v.optional(v.array(v.looseObject({ address: v.string(), expressions: v.optional(v.unknown()) })), []),
        }),
      ),
    }),
  ),
});

/** @throws PlanError for a text that is no plan, a format of another major version, or a plan that Terraform could not finish */
export function readPlan(text: string): ReviewedPlan {
  const parsed = v.safeParse(planSchema, jsonOf(text));
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new PlanError(
      `this is no plan: ${v.getDotPath(issue) ?? 'it'}: ${issue.message}; write it with "terraform show -json <plan file>"`,
    );
  }
  const plan = parsed.output;
  // "Reject any input which reports an unsupported major version", and ignore what a minor version adds.
  if (!/^1\.\d+$/.test(plan.format_version))
    throw new PlanError(
      `format_version ${JSON.stringify(plan.format_version)} is none of 1.x: use Terraform 1.1 or newer, or a newer review`,
    );
  if (plan.errored) throw new PlanError('the plan is errored, so changes may be missing: mend what "terraform plan" says and plan again');
  const managed = plan.resource_changes.filter(({ mode }) => mode === 'managed');
  const expressions = new Map(plan.configuration?.root_module?.resources.map((one) => [one.address, one.expressions]));
  const read = referenceReader(managed);
  return {
    terraformVersion: plan.terraform_version,
    changes: managed.map((one) => plannedChange(one, expressions.get(withoutKey(one.address)), read)),
    exposedOutputs: Object.entries(plan.output_changes).flatMap(([name, change]) =>
      change.after_sensitive === true || withoutSecrets({ [name]: (change.after ?? null) as Json }, undefined).exposed.length === 0
        ? []
        : [name],
    ),
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // A plan may hold secrets, so the parser's message, which quotes it, is not told.
    throw new PlanError('this is no JSON: write the plan with "terraform show -json <plan file>"', { cause });
  }
}

/** The address in the configuration: without the key of `count` or `for_each`. */
const withoutKey = (address: string): string => address.replace(/\[[^\]]*\]$/, '');

function plannedChange(
  { address, type, deposed, change }: v.InferOutput<typeof planSchema>['resource_changes'][number],
  expressions: unknown,
  read: (reference: string) => string | undefined,
): PlannedChange {
  const before = withoutSecrets((change.before ?? undefined) as Values | undefined, change.before_sensitive);
  const known = isPresent(change.after) ? knownValues(change.after as Values, change.after_unknown, expressions, read) : undefined;
  const after = withoutSecrets(known, change.after_sensitive);
  const action = actionOf(change.actions);
  return {
    address: deposed === undefined ? address : `${address} (deposed ${deposed})`,
    type,
    domain: domainOf(address, type, after.values ?? before.values ?? {}),
    action,
    before: before.values,
    after: after.values,
    forcedBy: change.replace_paths.map((path) => path.join('.')),
    exposed: action === 'none' ? [] : after.exposed,
  };
}

const isPresent = (value: unknown): boolean => value !== null && value !== undefined;

/** "The actions that will be taken": a replacement is both a deletion and a creation, in either order. */
function actionOf(actions: readonly string[]): Action {
  if (actions.includes('delete') && actions.includes('create')) return 'replace';
  // Removed from the state and left alone, and made anew.
  if (actions.includes('forget') && actions.includes('create')) return 'replace';
  for (const action of ['create', 'update', 'delete', 'forget'] as const) if (actions.includes(action)) return action;
  return 'none';
}
