/** Settings of a HashiCorp Vault or OpenBao server that keeps credentials in a KV version 2 engine. */
import * as v from 'valibot';
import { ConfigurationError } from '../../platform/errors.ts';

const text = v.pipe(v.string(), v.nonEmpty());
/** No segment ends in a period: Vault refuses that (HTTP API, "Parameter restrictions"), and `..` would be another path. */
export const vaultPath = /^[\w.-]*[\w-](?:\/[\w.-]*[\w-])*$/;
const path = v.pipe(text, v.regex(vaultPath));

const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** A token travels there: https, and http only within the machine. */
function isTokenSafe(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || url.username || url.password || url.search || url.hash) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopback.test(url.hostname));
}

export const vaultSettingsSchema = v.strictObject({
  /** `https://vault.example.com:8200` */
  address: v.pipe(
    text,
    v.check(isTokenSafe, ({ input }) => `"${input}" is no https URL without user, query and fragment`),
  ),
  /** PEM of the CA that signed its certificate. @default the public ones */
  ca: v.optional(text),
  /** Enterprise or OpenBao namespace. */
  namespace: v.optional(path),
  /** Mount of the KV version 2 engine. */
  mount: path,
  /** How the function logs in. No token is kept anywhere. */
  login: v.union([
    /** The JWT auth method, with a token of AWS (sts:GetWebIdentityToken) for that audience. */
    v.strictObject({ jwt: v.strictObject({ mount: path, role: text, audience: text }) }),
    /** The AWS auth method, type iam: a signed sts:GetCallerIdentity. `serverId`: value of X-Vault-AWS-IAM-Server-ID, where Vault asks for it. */
    v.strictObject({ awsIam: v.strictObject({ mount: path, role: text, serverId: v.optional(text) }) }),
  ]),
});

export type VaultSettings = v.InferOutput<typeof vaultSettingsSchema>;

/** @param json `none`: there is no vault @throws ConfigurationError */
export function parseVaultSettings(json: string): VaultSettings | undefined {
  if (json === 'none') return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), vaultSettingsSchema), json);
  if (parsed.success) return parsed.output;
  const wrong = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`).join('; ');
  throw new ConfigurationError(`VAULT is wrong (${wrong}): deploy the function with the module that owns it`);
}
