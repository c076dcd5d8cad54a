/** Reading a bind secret. The value stays in memory and in no message. */
import { GetSecretValueCommand, ResourceNotFoundException, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { ConfigurationError } from './errors.ts';

const bindSecretSchema = v.object({ username: v.pipe(v.string(), v.nonEmpty()), password: v.pipe(v.string(), v.nonEmpty()) });

export type BindSecret = v.InferOutput<typeof bindSecretSchema>;

/** @throws ConfigurationError when the secret has no value, is no JSON or lacks a field; the message never shows any of it */
export async function readBindSecret(client: SecretsManagerClient, secretArn: string): Promise<BindSecret> {
  const remedy = 'put {"username": "<distinguished name or UPN>", "password": "…"} into it';
  const text = await client.send(new GetSecretValueCommand({ SecretId: secretArn })).then(
    ({ SecretString }) => SecretString ?? '',
    (error: unknown) => {
      if (error instanceof ResourceNotFoundException) throw new ConfigurationError(`bind secret ${secretArn} has no value yet: ${remedy}`);
      throw error;
    },
  );
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), bindSecretSchema), text);
  if (!parsed.success) throw new ConfigurationError(`bind secret ${secretArn} is not a JSON object with username and password: ${remedy}`);
  return parsed.output;
}
