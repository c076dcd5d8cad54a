/** What the stack's functions are told in their environment, which is how the sandbox learns names too. */
import type { AppliedStack } from './terraform/applied-stack.ts';

/** A variable's value, from the first function that has it. @throws Error when none has */
export function functionSetting({ functions }: Pick<AppliedStack, 'functions'>, variable: string): string {
  const value = [...functions.values()].find(({ environment }) => environment[variable])?.environment[variable];
  if (value === undefined) throw new Error(`no function of the stack has ${variable}: synthesize an environment of examples/`);
  return value;
}

/** Whether the function is a detect-changes: it alone is told of the account that reads the directory. */
export const isDetectChanges = ({ functions }: Pick<AppliedStack, 'functions'>, functionName: string): boolean =>
  functions.get(functionName)?.environment.BIND_SECRET_ARN !== undefined;
