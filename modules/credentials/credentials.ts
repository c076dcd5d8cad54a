/** The credentials of an environment: a rotation for each directory that has some, and all of them by name. */
import { Token } from 'cdktf';
import { Construct } from 'constructs';
import { repeated } from '../directory/directory-name.ts';
import type { DirectoryWatch } from '../directory/directory-watch.ts';
import type { WatchedDirectory } from '../directory/watched-directory.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import type { Grantee } from '../platform/policy.ts';
import { type NonEmpty, nonEmpty, present, WrongPropError } from '../platform/prop-checks.ts';
import { CredentialRotation, type DirectoryCredentialsProps } from './credential-rotation.ts';
import type { ReaderRole, RotatedCredential } from './rotated-credential.ts';

export interface CredentialsOfDirectory extends DirectoryCredentialsProps {
  /** Name of the directory whose accounts they are. @default the only one */
  readonly directory?: string;
}

export interface CredentialsProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly directory: DirectoryWatch;
  readonly credentials: NonEmpty<CredentialsOfDirectory>;
}

export class Credentials extends Construct {
  readonly rotations: readonly CredentialRotation[];
  /** Every credential, by its name. */
  readonly byName: Readonly<Record<string, RotatedCredential>>;

  constructor(scope: Construct, id: string, props: CredentialsProps) {
    super(scope, id);
    const { environment, bus, directory } = props;
    const given = nonEmpty('credentials', props.credentials, 'give an entry for a directory, { rotate, endpoints }');
    const entries = given.map((entry) => ({
      entry: present('credentials has an entry that', entry, 'give { rotate, endpoints }'),
      watched: watchedOf(entry, directory.directories),
    }));
    const twice = repeated(entries.map(({ watched }) => watched.name));
    if (twice !== undefined)
      throw new WrongPropError(`credentials has two entries for directory "${twice}": put all its credentials into one`);
    checkEndpoints(entries);
    this.rotations = entries.map(
      ({ entry, watched }) => new CredentialRotation(this, `rotation-${watched.name}`, { environment, bus, ...entry, directory: watched }),
    );
    const all = this.rotations.flatMap(({ credentials }) => credentials);
    const name = repeated(all.map((credential) => credential.name));
    if (name !== undefined) throw new WrongPropError(`credentials has two of the name "${name}": give one of them another name`);
    this.byName = Object.fromEntries(all.map((credential) => [credential.name, credential]));
  }

  /**
   * Lets a consumer read one credential and nothing else, a construct's role or one by its ARN.
   *
   * @example integration.credentials?.grantRead('wiki', { roleArn: 'arn:aws:iam::111122223333:role/wiki' });
   */
  grantRead(name: string, grantee: Grantee | ReaderRole): void {
    const credential = this.byName[name];
    if (credential === undefined) {
      throw new WrongPropError(`there is no credential "${name}" to read: name one of ${Object.keys(this.byName).join(', ')}`);
    }
    credential.grantRead(grantee);
  }
}

function watchedOf({ directory: name }: CredentialsOfDirectory, directories: readonly WatchedDirectory[]): WatchedDirectory {
  const names = directories.map((directory) => directory.name);
  const [first, ...others] = directories;
  if (name === undefined && first !== undefined && others.length === 0) return first;
  if (name === undefined) throw new WrongPropError(`credentials has an entry without directory: name one of ${names.join(', ')}`);
  const found = directories.find((directory) => directory.name === name);
  if (found === undefined)
    throw new WrongPropError(`credentials has an entry for directory "${name}", which is not watched: name one of ${names.join(', ')}`);
  return found;
}

/** A VPC has one endpoint of a service with private DNS. */
function checkEndpoints(entries: readonly { readonly entry: CredentialsOfDirectory; readonly watched: WatchedDirectory }[]): void {
  const vpcs = entries.filter(({ entry }) => entry.endpoints?.created).map(({ watched }) => watched.directory.network.vpcId);
  const vpc = repeated(vpcs.filter((id) => !Token.isUnresolved(id)));
  if (vpc === undefined) return;
  throw new WrongPropError(
    `endpoints of credentials of two directories are to be created in ${vpc}: create them with the VPC, and name them as existing ones`,
  );
}
