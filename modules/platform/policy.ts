/**
 * IAM policies the way a reviewer of a plan reads them: plain JSON, one Sid a statement, exact actions on exact resources.
 * Nothing here hides a statement in a data source, so `terraform plan` shows each of them before anything exists.
 */
import type { FunctionName } from '../../handlers/functions.ts';

/** Operator → condition key → values, as IAM writes it. */
export type Condition = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;

/** One statement of a policy. `Principal` belongs to policies of resources alone. */
export interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Principal?: '*' | Readonly<Record<string, string>>;
  readonly Action: readonly string[];
  readonly Resource: readonly string[];
  readonly Condition?: Condition;
}

/** Whoever can be given a permission: every `grantX(grantee)` of the modules takes one. */
export interface Grantee {
  /** Adds a statement to the grantee's own role. */
  allow(statement: Statement): void;
}

/** An action and why it stays as it is: not scoped to a resource, or allowed although an ordinary run never calls it. */
export interface ActionReason {
  readonly action: string;
  readonly reason: string;
  /** The function that it is about. @default every one */
  readonly function?: FunctionName;
}

/** The JSON of a policy. Tokens in it end as plain interpolations, `${aws_sqs_queue.x.arn}`. */
export function policyDocument(statements: readonly Statement[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

/** A trust policy: the service that may take a role, under the condition if one is given. */
export function trustPolicy(service: string, condition?: Condition): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'AssumedByService',
        Effect: 'Allow',
        Principal: { Service: service },
        Action: ['sts:AssumeRole'],
        ...(condition === undefined ? {} : { Condition: condition }),
      },
    ],
  });
}

/**
 * Holds calls that name partitions of a table or an index to these (DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained
 * access control"). ForAllValues alone also allows a call that carries no key, hence Null: every call it is used for carries one (IAM User
 * Guide, "Multivalued context keys"; Service Authorization Reference, "Actions, resources, and condition keys for Amazon DynamoDB").
 */
export function onlyPartitions(...patterns: readonly string[]): Condition {
  return { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': patterns }, Null: { 'dynamodb:LeadingKeys': 'false' } };
}

/**
 * Holds PutEvents to events of one source. The key may have a value for each entry of a call (Service Authorization Reference, "Actions,
 * resources, and condition keys for Amazon EventBridge": an array), hence ForAllValues, and Null as above.
 */
export const onlySource = (source: string): Condition => ({
  'ForAllValues:StringEquals': { 'events:source': [source] },
  Null: { 'events:source': 'false' },
});
