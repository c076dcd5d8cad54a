/** A team's Cedar policies: `.cedar` files and folders of them, and those that come with the modules. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PolicyFile } from '../../handlers/access/policies/policy-set.ts';
import { nonEmpty, WrongPropError } from '../platform/prop-checks.ts';

const shipped = (name: string): string => fileURLToPath(new URL(`policies/${name}.cedar`, import.meta.url));

/**
 * Paths of the policies that come with the modules. Without a permit nobody is granted anything: a team's own policies come with
 * `mappedGrants`, or with permits of their own.
 *
 * @example policies: [starterPolicies.mappedGrants, starterPolicies.stalePasswords, 'policies']
 */
export const starterPolicies = {
  /** Permits whatever a role mapping gives. */
  mappedGrants: shipped('mapped-grants'),
  /** Forbids roles to accounts whose password is old. */
  stalePasswords: shipped('stale-passwords'),
  /** Forbids roles to accounts whose password never expires. */
  neverExpiringPasswords: shipped('never-expiring-passwords'),
} as const;

/** Each is an object of its own, and decide-access may read exactly these: a role's policy ends at 10,240 characters (IAM and AWS STS quotas). */
const mostFiles = 40;

/**
 * Reads policies, files by their names and folders by their `.cedar` files in order of name.
 *
 * @param paths relative to the working directory, or absolute
 * @throws WrongPropError for a path that leads to none
 */
export function readPolicyFiles(paths: readonly string[]): readonly PolicyFile[] {
  nonEmpty('policies', paths, 'leave it out for the policy that permits what role mappings give, or name .cedar files and folders');
  const files = paths.flatMap(filesAt).map((path) => ({ name: basename(path), text: readFileSync(path, 'utf8') }));
  const odd = files.find(({ name }) => !/^[\w.-]+$/.test(name));
  if (odd) throw new WrongPropError(`policies has a file of the name "${odd.name}": give it letters, digits, "_", "-" and "."`);
  const again = files.find(({ name }, index) => files.findIndex((file) => file.name === name) !== index);
  if (again) throw new WrongPropError(`policies has two files of the name "${again.name}": give one of them another name`);
  if (files.length > mostFiles) {
    throw new WrongPropError(`policies has ${files.length} files, ${mostFiles} are allowed: put several policies into one file`);
  }
  return files;
}

function filesAt(path: string): readonly string[] {
  if (typeof path !== 'string') throw new WrongPropError(`policies has ${JSON.stringify(path)}: give paths of .cedar files or folders`);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) {
    const names = readdirSync(path)
      .filter((name) => name.endsWith('.cedar'))
      .sort();
    if (names.length === 0) throw new WrongPropError(`policies has the folder "${path}" without a .cedar file: name one that has`);
    return names.map((name) => join(path, name));
  }
  if (!found || !path.endsWith('.cedar')) {
    throw new WrongPropError(
      `policies has "${path}", which is ${found ? 'no .cedar file' : 'not there'}: give a .cedar file or a folder of them`,
    );
  }
  return [path];
}
