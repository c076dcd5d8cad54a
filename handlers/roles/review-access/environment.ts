/**
 * What review-access needs.
 * DEPLOYMENT: `<prefix>-<environment>`. TARGETS: names of the targets, separated by commas. REVIEW_EVERY: `day`, `week`, `month`, `quarter` or
 * `never`. LOGON_DOMAINS: directories whose lastLogonTimestamp is mirrored, separated by commas, or `none`.
 * REPORT_BUCKET: where reports lie, under `access-review/`, and reconcile's, under `reconcile/<target>/`.
 */
export const reviewAccessEnvironment = [
  'DEPLOYMENT',
  'TARGETS',
  'REVIEW_EVERY',
  'LOGON_DOMAINS',
  'DIRECTORY_TABLE',
  'GRANTS_TABLE',
  'ROLES_TABLE',
  'ACCESS_BUCKET',
  'ACCESS_KEY',
  'REPORT_BUCKET',
  'IDENTITY_BUS',
] as const;
