/** Every function of the project, by domain. The bundle, the constructs and the sandbox go by this list. */
export const functions = {
  'detect-changes': 'directory',
  'publish-changes': 'directory',
  'read-security-log': 'directory',
  'decide-access': 'access',
  'sync-roles': 'roles',
  reconcile: 'roles',
  'settle-guard': 'roles',
  'review-access': 'roles',
  'rotate-credential': 'credentials',
  'record-audit': 'audit',
  'close-audit': 'audit',
} as const;

export type FunctionName = keyof typeof functions;
