/**
 * What read-security-log needs.
 * ACTORS_TABLE: table of the actor hints. SECURITY_LOGS: JSON array of {"logGroup": name, "wake"?: name of the detect-changes to wake}.
 */
export const readSecurityLogEnvironment = ['ACTORS_TABLE', 'SECURITY_LOGS'] as const;
