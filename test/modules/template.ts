/** A synthesized stack as a test reads it: resources by type, policies parsed, references resolved to the names people know. */
import { AwsProvider } from '@cdktf/provider-aws/lib/provider/index.js';
import { TerraformStack, Testing } from 'cdktf';
import stackTrace from 'cdktf/lib/tokens/private/stack-trace.js';
import { RootConstruct } from 'constructs';
import type { Statement } from '../../modules/index.ts';

// biome-ignore lint/suspicious/noExplicitAny: arguments of a resource are whatever its type has; the assertions say what they expect
export type Arguments = Record<string, any>;

// Each token keeps the stack it was made on, without a limit: two thirds of a synthesis, and no test reads it.
stackTrace.captureStackTrace = () => [];

export class Template {
  readonly json: {
    readonly resource: Record<string, Record<string, Arguments>>;
    readonly data?: Record<string, Record<string, Arguments>>;
  };

  /** Synthesizes what `build` puts into a stack, validations and aspects included. */
  static synthesize(build: (stack: TerraformStack) => void): Template {
    // Not an App: that makes a folder, and nothing here is written.
    const stack = new TerraformStack(new RootConstruct(), 'test');
    new AwsProvider(stack, 'aws', { region: 'eu-central-1' });
    build(stack);
    return new Template(JSON.parse(Testing.synth(stack, true)));
  }

  constructor(json: Template['json']) {
    this.json = json;
  }

  /** Types of all resources. */
  get types(): readonly string[] {
    return Object.keys(this.json.resource).sort();
  }

  all(type: string): readonly Arguments[] {
    return Object.values(this.json.resource[type] ?? {});
  }

  /** The one resource of the type that has these arguments. */
  one(type: string, where: Arguments = {}): Arguments {
    const [found, ...others] = this.all(type).filter((resource) =>
      Object.entries(where).every(([name, value]) => resource[name] === value),
    );
    if (!found || others.length > 0) {
      throw new Error(
        `${found ? others.length + 1 : 'no'} ${type} with ${JSON.stringify(where)}; there are: ${this.all(type)
          .map((resource) => JSON.stringify(resource))
          .join('\n')}`,
      );
    }
    return found;
  }

  /** Reference to an attribute of the one resource with these arguments, as other resources write it. */
  reference(type: string, where: Arguments, attribute: string): string {
    const wanted = this.one(type, where);
    const name = Object.entries(this.json.resource[type] ?? {}).find(([, resource]) => resource === wanted)?.[0];
    return `\${${type}.${name}.${attribute}}`;
  }

  /** Statements of a role's policy, by Sid. */
  statements(roleName: string): Readonly<Record<string, Statement>> {
    const policy = this.one('aws_iam_role_policy', { role: this.reference('aws_iam_role', { name: roleName }, 'name') });
    return bySid(policy.policy);
  }

  /** Statements of a queue's policy, by Sid. */
  queueStatements(queueName: string): Readonly<Record<string, Statement>> {
    return bySid(this.one('aws_sqs_queue_policy', { queue_url: this.reference('aws_sqs_queue', { name: queueName }, 'url') }).policy);
  }

  lambda(name: string): Arguments {
    return this.one('aws_lambda_function', { function_name: name });
  }

  lambdaArn(name: string): string {
    return this.reference('aws_lambda_function', { function_name: name }, 'arn');
  }

  queueArn(name: string): string {
    return this.reference('aws_sqs_queue', { name }, 'arn');
  }

  tableArn(name: string): string {
    return this.reference('aws_dynamodb_table', { name }, 'arn');
  }
}

function bySid(policy: string): Readonly<Record<string, Statement>> {
  const { Statement: statements } = JSON.parse(policy) as { Statement: Statement[] };
  return Object.fromEntries(statements.map((statement) => [statement.Sid, statement]));
}
