/** Reading a bind secret. The value stays in memory and in no message. */
import {
  GetSecretValueCommand,
  type GetSecretValueCommandInput,
  ResourceNotFoundException,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { ConfigurationError } from './errors.ts';

const bindSecretSchema = v.object({ username: v.pipe(v.string(), v.nonEmpty()), password: v.pipe(v.string(), v.nonEmpty()) });

export type BindSecret = v.InferOutput<typeof bindSecretSchema>;

/** @throws ConfigurationError when the secret has no value, is no JSON or lacks a field; the message never shows any of it */
export async function readBindSecret(client: SecretsManagerClient, secretArn: string): Promise<BindSecret> {
  const text = await textOf(client, { SecretId: secretArn });
  if (text === undefined) throw new ConfigurationError(`bind secret ${secretArn} has no value yet: ${remedy}`);
  return parsed(secretArn, text);
}

/** What a rotation is about to make current; undefined: none is under way. @throws as `readBindSecret` */
export async function readPendingBindSecret(client: SecretsManagerClient, secretArn: string): Promise<BindSecret | undefined> {
  const text = await textOf(client, { SecretId: secretArn, VersionStage: 'AWSPENDING' });
  return text === undefined ? undefined : parsed(secretArn, text);
}

const remedy = 'put {"username": "<distinguished name or UPN>", "password": "…"} into it';

async function textOf(client: SecretsManagerClient, of: GetSecretValueCommandInput): Promise<string | undefined> {
  try {
    return (await client.send(new GetSecretValueCommand(of))).SecretString ?? '';
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

function parsed(secretArn: string, text: string): BindSecret {
  const found = v.safeParse(v.pipe(v.string(), v.parseJson(), bindSecretSchema), text);
  if (!found.success) throw new ConfigurationError(`bind secret ${secretArn} is not a JSON object with username and password: ${remedy}`);
  return found.output;
}
