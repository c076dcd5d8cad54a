/**
 * What rotate-credential needs.
 * CREDENTIALS_TABLE holds the settings of its credentials and what it noted of each. DIRECTORY_DOMAIN, LDAPS_URLS and LDAP_CA: as of
 * detect-changes; every URL has to know a new password. VAULT: settings of the vault that keeps credentials, JSON (see
 * `vault/vault-settings.ts`), or `none`.
 */
export const rotateCredentialEnvironment = [
  'CREDENTIALS_TABLE',
  'DIRECTORY_DOMAIN',
  'LDAPS_URLS',
  'LDAP_CA',
  'VAULT',
  'IDENTITY_BUS',
] as const;
