import { AwsError } from '../error.ts';
import { MalformedPolicyError, type PolicyDocument, type Statement } from '../iam/index.ts';
import { parsePolicy } from '../iam/policy-document.ts';
import { text } from '../input.ts';
import { checkPolicyText } from '../resource-policy.ts';
import type { Authorization, Input, Output } from '../service.ts';

// The account's policies about who else may write to its log groups (CloudWatch Logs API Reference, PutResourcePolicy).

const maximumPolicies = 10;
const maximumCharacters = 5120;

export class LogPolicies {
  readonly #policies = new Map<string, { readonly text: string; readonly statements: readonly Statement[]; readonly updatedAt: number }>();

  put(input: Input): Output {
    const policyName = text(input, 'policyName');
    const policyDocument = checkPolicyText(text(input, 'policyDocument'), 'InvalidParameterException');
    if (policyDocument.length > maximumCharacters)
      throw new AwsError('InvalidParameterException', `policyDocument: ${policyDocument.length} characters of ${maximumCharacters}`);
    if (!this.#policies.has(policyName) && this.#policies.size >= maximumPolicies)
      throw new AwsError('LimitExceededException', 'Resource limit exceeded.');
    this.#policies.set(policyName, { text: policyDocument, statements: statementsOf(policyName, policyDocument), updatedAt: Date.now() });
    return { resourcePolicy: this.#shown(policyName) };
  }

  describe(): Output {
    return { resourcePolicies: [...this.#policies.keys()].map((name) => this.#shown(name)) };
  }

  /** All of them as one, which decides the same. */
  asResourcePolicy(): Pick<Authorization, 'resourcePolicy'> {
    const statements = [...this.#policies.values()].flatMap((policy) => policy.statements);
    return statements.length > 0
      ? { resourcePolicy: { name: 'policies of CloudWatch Logs', document: { Version: '2012-10-17', Statement: statements } } }
      : {};
  }

  #shown(policyName: string): Output {
    const policy = this.#policies.get(policyName);
    return { policyName, policyDocument: policy?.text, lastUpdatedTime: policy?.updatedAt };
  }
}

/** Without ids, which are unique within one policy alone. @throws AwsError for what would fail when a call is decided */
function statementsOf(name: string, policyDocument: string): readonly Statement[] {
  const document = JSON.parse(policyDocument) as PolicyDocument;
  try {
    parsePolicy({ name, document }, 'resource');
  } catch (cause) {
    if (cause instanceof MalformedPolicyError) throw new AwsError('InvalidParameterException', cause.message);
    throw cause;
  }
  return [document.Statement].flat().map(({ Sid: _sid, ...statement }) => statement);
}
