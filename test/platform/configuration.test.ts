/** What a function reads before it works: environment variables and the bind secret. */
import { type GetSecretValueCommand, ResourceNotFoundException, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { describe, expect, test } from 'vitest';
import { readEnvironment } from '../../handlers/platform/environment.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { readBindSecret } from '../../handlers/platform/secret.ts';

describe('the environment', () => {
  test('WHEN every variable is set THEN exactly the listed ones are read', () => {
    expect(readEnvironment(['A', 'B'], { A: '1', B: '2', C: '3' })).toEqual({ A: '1', B: '2' });
  });

  test('fails once for all that is missing or empty, by name, without the values of the others', () => {
    const read = () => readEnvironment(['A', 'B', 'C'], { A: '', B: undefined, C: 'Hunter2-Hunter2' });
    expect(read).toThrow(ConfigurationError);
    expect(read).toThrow(/A, B;/);
    expect(read).not.toThrow(/Hunter2/);
  });
});

describe('the bind secret', () => {
  const arn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:bind-AbCdEf';
  /** A client that answers one call. */
  const client = (answer: { SecretString?: string } | Error, asked: string[] = []) =>
    ({
      send: async (command: GetSecretValueCommand) => {
        asked.push(command.input.SecretId ?? '');
        if (answer instanceof Error) throw answer;
        return answer;
      },
    }) as unknown as SecretsManagerClient;

  test('WHEN it holds both fields THEN they are read, and other fields are left alone', async () => {
    const asked: string[] = [];
    const secret = { username: 'CN=svc,DC=example,DC=com', password: 'Hunter2-Hunter2', rotatedAt: 'x' };
    const { username, password } = secret;
    expect(await readBindSecret(client({ SecretString: JSON.stringify(secret) }, asked), arn)).toEqual({ username, password });
    expect(asked).toEqual([arn]);
  });

  test('fails with the remedy while the secret has no value', async () => {
    const missing = new ResourceNotFoundException({ message: 'no value for staging label AWSCURRENT', $metadata: {} });
    await expect(readBindSecret(client(missing), arn)).rejects.toThrow(ConfigurationError);
    await expect(readBindSecret(client(missing), arn)).rejects.toThrow(/has no value yet: put \{"username"/);
  });

  test.each([
    '',
    'Hunter2-Hunter2',
    '"Hunter2-Hunter2"',
    '{"username":"svc"}',
    '{"username":"","password":"Hunter2-Hunter2"}',
    '{"username":"svc","password":["Hunter2-Hunter2"]}',
    '{"password":"Hunter2-Hunter2"',
  ])('invariant 10: fails for the value %j without showing any of it', async (SecretString) => {
    const failure = await readBindSecret(client({ SecretString }), arn).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ConfigurationError);
    expect(JSON.stringify([failure, String(failure), (failure as Error).stack, (failure as Error).cause])).not.toContain('Hunter2');
  });

  test('fails with AWS’s own error when the secret may not be read', async () => {
    await expect(readBindSecret(client(new Error('AccessDeniedException')), arn)).rejects.toThrow('AccessDeniedException');
  });
});
