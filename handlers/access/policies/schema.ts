/**
 * What policies can know: the Cedar schema of a principal, its groups, a role and the circumstances of a grant.
 * Every policy is validated against it at synth, so a misspelt attribute never deploys.
 */

/** Names of what may be asked: `action == Action::"grant"`. */
export const grantAction = { type: 'Action', id: 'grant' } as const;

/**
 * The schema, in Cedar's own notation.
 *
 * @param attributes names of the directory attributes that policies may use, as the directory watch captures them
 */
export function policySchema(attributes: readonly string[]): string {
  return `
entity Target;
entity Group;
entity Role in [Target] = {
  name: String,
  target: String,
  labels: Set<String>,
  assignments: Set<{ account: String, permissionSet: String }>,
};
entity User in [Group] = {
  domain: String,
  name: String,
  samAccountName: String,
  userPrincipalName?: String,
  mail?: String,
  sid?: String,
  organizationalUnits: Set<String>,
  lockedOut: Bool,
  passwordLastSet?: datetime,
  passwordMustChange: Bool,
  passwordNeverExpires: Bool,
  passwordNotRequired: Bool,
  smartcardRequired: Bool,
  attributes: {${[...new Set(attributes)].map((name) => ` ${JSON.stringify(name)}: Set<String>,`).join('')} },
};
action ${grantAction.id} appliesTo {
  principal: [User],
  resource: [Role],
  context: { now: datetime, existing: Bool, mapping: String },
};
`;
}
