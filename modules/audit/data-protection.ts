/**
 * Masks secrets in the audit log group, should one ever come that far (Amazon CloudWatch Logs User Guide, "Help protect sensitive log data
 * with masking"). Names and mail addresses stay: they are who a record is about.
 */

/** Of the managed data identifiers those of the category "Credentials" (same guide, "Types of data that you can protect"). */
const identifiers = ['AwsSecretKey', 'OpenSshPrivateKey', 'PgpPrivateKey', 'PkcsPrivateKey', 'PuttyPrivateKey'];

/** JSON of the policy: its two statements name the same identifiers, as CloudWatch Logs demands. */
export function dataProtection(partition: string): string {
  const DataIdentifier = identifiers.map((name) => `arn:${partition}:dataprotection::aws:data-identifier/${name}`);
  return JSON.stringify({
    Name: 'no-secrets',
    Description: 'no secret is ever shown',
    Version: '2021-06-01',
    Statement: [
      { Sid: 'Count', DataIdentifier, Operation: { Audit: { FindingsDestination: {} } } },
      { Sid: 'Mask', DataIdentifier, Operation: { Deidentify: { MaskConfig: {} } } },
    ],
  });
}
