/**
 * What each identity event is in OCSF's words: the one table. Version 1.6.0 is the first that has every activity used here, and the classes
 * 3001 and 3005 are deprecated only from 1.9.0 on (OCSF schema, "Account Change", "User Access Management", "Group Management",
 * "Entity Management", changelog).
 */
import type { IdentityEventType } from '../events/catalogue.ts';

export const ocsfVersion = '1.6.0';

export const ocsfClasses = {
  'Account Change': 3001,
  'Entity Management': 3004,
  'User Access Management': 3005,
  'Group Management': 3006,
} as const;
export type OcsfClass = keyof typeof ocsfClasses;

/** `activity_id` of each class, by caption; 99 is OCSF's own "Other", whose `activity_name` is the event's type. */
const activities = {
  'Account Change': {
    Create: 1,
    Enable: 2,
    'Password Change': 3,
    Disable: 5,
    Delete: 6,
    Lock: 9,
    Unlock: 12,
    Other: 99,
  },
  'Entity Management': { Create: 1, Read: 2, Update: 3, Delete: 4, Other: 99 },
  'User Access Management': { 'Assign Privileges': 1, 'Revoke Privileges': 2, Other: 99 },
  'Group Management': {
    'Assign Privileges': 1,
    'Revoke Privileges': 2,
    'Add User': 3,
    'Remove User': 4,
    Delete: 5,
    Create: 6,
    Other: 99,
  },
} as const satisfies Readonly<Record<OcsfClass, Readonly<Record<string, number>>>>;

/** `severity_id`. What takes something away is never below Medium, a deletion never below High: a reviewer asks for it first. */
export const severities = { Informational: 1, Low: 2, Medium: 3, High: 4, Critical: 5 } as const;
export type Severity = keyof typeof severities;

export const statuses = { Success: 1, Failure: 2 } as const;
export type Status = keyof typeof statuses;

export interface Classification {
  readonly class: OcsfClass;
  readonly activity: string;
  readonly activityId: number;
  readonly severity: Severity;
  readonly status: Status;
}

function as<Class extends OcsfClass>(
  of: Class,
  activity: keyof (typeof activities)[Class] & string,
  severity: Severity = 'Informational',
  status: Status = 'Success',
): Classification {
  return { class: of, activity, activityId: (activities[of] as Readonly<Record<string, number>>)[activity] ?? 99, severity, status };
}

const account = <Kind extends string>(kind: Kind) =>
  ({
    [`${kind}Created`]: as('Account Change', 'Create'),
    [`${kind}Enabled`]: as('Account Change', 'Enable', 'Low'),
    [`${kind}Disabled`]: as('Account Change', 'Disable', 'Medium'),
    [`${kind}Expired`]: as('Account Change', 'Disable', 'Medium'),
    [`${kind}ExpiryChanged`]: as('Account Change', 'Other'),
    [`${kind}LockedOut`]: as('Account Change', 'Lock', 'Medium'),
    [`${kind}Unlocked`]: as('Account Change', 'Unlock', 'Low'),
    [`${kind}Renamed`]: as('Account Change', 'Other'),
    [`${kind}Moved`]: as('Account Change', 'Other'),
    [`${kind}Updated`]: as('Account Change', 'Other'),
    [`${kind}Deleted`]: as('Account Change', 'Delete', 'High'),
    [`${kind}Restored`]: as('Account Change', 'Create', 'Medium'),
    [`${kind}EnteredScope`]: as('Account Change', 'Other', 'Low'),
    [`${kind}LeftScope`]: as('Account Change', 'Other', 'Medium'),
  }) as { readonly [Name in Extract<IdentityEventType, `${Kind}${string}`>]: Classification };

/** Every type of the catalogue; the type checker refuses one that is missing, and one too many. */
export const classifications: Readonly<Record<IdentityEventType, Classification>> = {
  ...account('User'),
  ...account('Computer'),
  ...account('ServiceAccount'),
  GroupCreated: as('Group Management', 'Create'),
  GroupRenamed: as('Group Management', 'Other'),
  GroupMoved: as('Group Management', 'Other'),
  GroupUpdated: as('Group Management', 'Other'),
  GroupDeleted: as('Group Management', 'Delete', 'High'),
  GroupRestored: as('Group Management', 'Create', 'Medium'),
  GroupEnteredScope: as('Group Management', 'Other', 'Low'),
  GroupLeftScope: as('Group Management', 'Other', 'Medium'),
  GroupMemberAdded: as('Group Management', 'Add User', 'Low'),
  GroupMemberRemoved: as('Group Management', 'Remove User', 'Medium'),
  PasswordChanged: as('Account Change', 'Password Change', 'Low'),
  PolicyChanged: as('Entity Management', 'Update', 'High'),
  DirectorySnapshotCompleted: as('Entity Management', 'Read'),
  DirectoryUnreachable: as('Entity Management', 'Read', 'High', 'Failure'),
  DirectoryRecovered: as('Entity Management', 'Read', 'Low'),
  DirectoryGuardTripped: as('Entity Management', 'Other', 'Critical'),
  DirectoryGuardReleased: as('Entity Management', 'Other', 'Medium'),

  AccessDecided: as('User Access Management', 'Other'),
  AccessDenied: as('User Access Management', 'Other', 'Medium', 'Failure'),
  AccessViolationFound: as('User Access Management', 'Other', 'High'),
  AccessConfigurationChanged: as('Entity Management', 'Update', 'High'),

  RoleGranted: as('User Access Management', 'Assign Privileges', 'Low'),
  RoleRevoked: as('User Access Management', 'Revoke Privileges', 'Medium'),
  RoleChangeFailed: as('User Access Management', 'Other', 'High', 'Failure'),
  RoleProvisioned: as('Group Management', 'Create'),
  RoleAssigned: as('Group Management', 'Assign Privileges', 'Medium'),
  RoleUnassigned: as('Group Management', 'Revoke Privileges', 'Medium'),
  AccountProvisioned: as('Account Change', 'Create'),
  AccountUpdated: as('Account Change', 'Other'),
  AccountDeactivated: as('Account Change', 'Disable', 'Medium'),
  AccountReactivated: as('Account Change', 'Enable', 'Low'),
  AccountDeprovisioned: as('Account Change', 'Delete', 'High'),
  AccessEnded: as('User Access Management', 'Revoke Privileges', 'High'),

  RevocationStaged: as('User Access Management', 'Other', 'Medium'),
  GuardTripped: as('Entity Management', 'Other', 'Critical'),
  GuardReleased: as('Entity Management', 'Other', 'Medium'),
  GuardDecided: as('Entity Management', 'Other', 'High'),
  DriftFound: as('Entity Management', 'Other', 'High'),
  DriftHealed: as('Entity Management', 'Update', 'Medium'),
  AccessReviewed: as('Entity Management', 'Read', 'Low'),
  AccessReviewSignedOff: as('Entity Management', 'Other', 'Medium'),

  CredentialRotated: as('Account Change', 'Password Change', 'Low'),
  CredentialRotationFailed: as('Account Change', 'Password Change', 'High', 'Failure'),
};
