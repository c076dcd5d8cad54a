/**
 * What detect-changes needs.
 * DIRECTORY_DOMAIN: DNS name, e.g. corp.example.com. LDAPS_URLS: comma-separated, tried in order. LDAP_CA: PEM of the CA that signed the
 * domain controllers' certificates. BIND_SECRET_ARN: secret with JSON {"username": DN or UPN, "password"}. CAPTURE: JSON, see
 * CaptureSettings; `{}` for the defaults.
 */
export const detectChangesEnvironment = [
  'DIRECTORY_TABLE',
  'DIRECTORY_DOMAIN',
  'LDAPS_URLS',
  'LDAP_CA',
  'BIND_SECRET_ARN',
  'CAPTURE',
] as const;
