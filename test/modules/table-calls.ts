/** What a synthesized role may do at a DynamoDB table, as the sandbox's IAM sees it. */
import { authorize, type PolicySource } from '../../sandbox/aws/iam/index.ts';
import type { Template } from './template.ts';

/** @returns whether the role may call the operation with these partition keys, at the table or at one of its indexes */
export function tableCalls(template: Template, role: string, tableName: string) {
  const table = `arn:aws:dynamodb:eu-central-1:111122223333:table/${tableName}`;
  // The others name resources by references that this IAM would not know.
  const ofTable = Object.values(template.statements(role)).filter(({ Resource }) => Resource.join().includes(template.tableArn(tableName)));
  const statements = JSON.stringify(ofTable).replaceAll(template.tableArn(tableName), table);
  const policy: PolicySource = { name: role, document: { Version: '2012-10-17', Statement: JSON.parse(statements) } };
  return (operation: string, keys: readonly string[], index?: string): boolean =>
    authorize({
      principal: {
        kind: 'role',
        arn: `arn:aws:iam::111122223333:role/${role}`,
        sessionArn: `arn:aws:sts::111122223333:assumed-role/${role}/${role}`,
        account: '111122223333',
        identityPolicies: [policy],
      },
      action: `dynamodb:${operation}`,
      resource: index === undefined ? table : `${table}/index/${index}`,
      // A scan has no partition's key.
      context: operation === 'Scan' ? {} : { 'dynamodb:LeadingKeys': keys },
      resourceAccount: '111122223333',
    }).allowed;
}
