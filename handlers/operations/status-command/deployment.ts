/** What a deployment consists of, as its functions' own configurations say. */
import { type FunctionConfiguration, type LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda';
import { type FunctionName, functions } from '../../functions.ts';
import { CommandError } from '../../platform/command-errors.ts';

export interface DeployedFunction {
  readonly name: string;
  readonly kind: FunctionName;
  /** What tells several of a kind apart: a directory's or a target's name; empty for the only one. */
  readonly instance: string;
  /** ISO 8601 */
  readonly deployedAt: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** Longest first: `detect-changes` is no instance of a shorter name. */
const kinds = (Object.keys(functions) as FunctionName[]).sort((one, other) => other.length - one.length);

/** There where the directory's Security log is read, and where credentials rotate. */
const optional: readonly FunctionName[] = ['read-security-log', 'rotate-credential'];

export interface Deployment {
  readonly functions: readonly DeployedFunction[];
  /** Whether what is called so is this deployment's, and not of one whose name begins with its name: `dev` and `dev-eu`. */
  readonly isOurs: (name: string) => boolean;
}

/** @throws CommandError when there is no such deployment */
export async function findDeployment(lambda: LambdaClient, prefix: string, environment: string): Promise<Deployment> {
  const own = `${prefix}-${environment}-`;
  const found: DeployedFunction[] = [];
  const others: string[] = [];
  for await (const { Functions = [] } of paginateListFunctions({ client: lambda }, {})) {
    for (const configuration of Functions) {
      const [ours] = deployed(configuration, own);
      const { FunctionName: name = '' } = configuration;
      if (ours !== undefined) found.push(ours);
      // Every deployment has exactly one.
      else if (name.startsWith(own) && name.endsWith('-decide-access')) others.push(name.slice(0, -'decide-access'.length));
    }
  }
  if (found.length === 0)
    throw new CommandError(`there is no function ${own}…: give --environment and --prefix of the deployment, and its region`);
  return { functions: found, isOurs: (name) => name.startsWith(own) && !others.some((other) => name.startsWith(other)) };
}

/** What every deployment has and this one has not, by the names of its functions. */
export const missingFunctions = (found: readonly DeployedFunction[], prefix: string, environment: string): readonly string[] =>
  kinds
    .filter((kind) => !optional.includes(kind) && !found.some((one) => one.kind === kind))
    .map((kind) => `${prefix}-${environment}-${kind}`);

function deployed({ FunctionName: name = '', Environment, LastModified = '' }: FunctionConfiguration, own: string): DeployedFunction[] {
  if (!name.startsWith(own)) return [];
  const part = name.slice(own.length);
  const kind = kinds.find((one) => part === one || part.startsWith(`${one}-`));
  if (kind === undefined) return [];
  const deployedAt = new Date(LastModified.replace(/\+0000$/, 'Z')).toISOString();
  return [{ name, kind, instance: part.slice(kind.length + 1), deployedAt, environment: Environment?.Variables ?? {} }];
}
