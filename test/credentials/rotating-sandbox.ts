/** A sandbox whose stack has credentials: rotations go through Secrets Manager and the real zip. */
import { Client } from 'ldapts';
import type { CredentialProps } from '../../modules/credentials/credential-props.ts';
import { credentialsOf, type SandboxCredential } from '../../sandbox/credentials.ts';
import { until } from '../../sandbox/waiting.ts';
import { type PlayedSandbox, playedSandbox } from '../sandbox/played-sandbox.ts';

export interface StoredLogin {
  readonly version: string;
  readonly username: string;
  readonly password: string;
}

export interface RotatingSandbox {
  readonly played: PlayedSandbox;
  readonly credentials: readonly SandboxCredential[];
  /** Every password that a secret has had. */
  readonly passwords: ReadonlySet<string>;
  /** What consumers read. */
  read(credential: SandboxCredential): Promise<StoredLogin>;
  /** As Secrets Manager's schedule begins it. @returns milliseconds until consumers read another version */
  rotate(credential: SandboxCredential): Promise<number>;
  /** Whether the directory takes it. */
  binds(login: StoredLogin): Promise<boolean>;
}

const delegated: CredentialProps = { name: 'password-reset', strategy: { kind: 'single', account: 'svc-password-reset' } };
export const resetBy = { credential: 'password-reset' } as const;

export async function rotatingSandbox(rotate: readonly CredentialProps[]): Promise<RotatingSandbox> {
  const played = await playedSandbox({
    environment: 'dev',
    change: (props) => ({
      ...props,
      credentials: [{ endpoints: { existing: { eventsSecurityGroupId: 'sg-0f60718293a4b5c6d' } }, rotate: [delegated, ...rotate] }],
    }),
  });
  const { stack, endpoint, controller } = played.sandbox;
  const credentials = await credentialsOf(stack, endpoint);
  const passwords = new Set<string>();
  const read = async ({ place: SecretId }: SandboxCredential): Promise<StoredLogin> => {
    const { VersionId, SecretString } = await endpoint.call('operator', 'secretsmanager', 'GetSecretValue', { SecretId });
    const { username, password } = JSON.parse(String(SecretString)) as { username: string; password: string };
    passwords.add(password);
    return { version: String(VersionId), username, password };
  };
  for (const credential of credentials) {
    await read(credential);
    // Of two accounts the store has both.
    const idle = { SecretId: credential.place, VersionStage: 'AWSPREVIOUS' };
    const previous = await endpoint.call('operator', 'secretsmanager', 'GetSecretValue', idle).catch((error: Error) => {
      if (error.name !== 'ResourceNotFoundException') throw error;
      return undefined;
    });
    if (previous) passwords.add((JSON.parse(String(previous.SecretString)) as { password: string }).password);
  }
  return {
    played,
    credentials,
    passwords,
    read,
    async rotate(credential) {
      const before = await read(credential);
      const began = performance.now();
      await endpoint.call('operator', 'secretsmanager', 'RotateSecret', { SecretId: credential.place });
      await until(
        `the rotation of ${credential.settings.name}`,
        async () => ((await read(credential)).version === before.version ? undefined : true),
        60_000,
        5,
      );
      const took = performance.now() - began;
      // Until its labels are taken off, Secrets Manager begins no other one.
      await until('the end of the rotation', async () => (endpoint.pendingRotations === 0 ? true : undefined), 60_000, 5);
      return took;
    },
    async binds({ username, password }) {
      const client = new Client({ url: controller.ldapsUrl, tlsOptions: { ca: [controller.ca] } });
      try {
        await client.bind(username, password);
        return true;
      } catch {
        return false;
      } finally {
        await client.unbind().catch(() => {});
      }
    },
  };
}
