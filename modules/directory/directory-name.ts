/** Names of watched directories: they end up in the names of resources, so they are short words, and no two are the same. */
import { Token } from 'cdktf';
import { formats, matching, WrongPropError } from '../platform/prop-checks.ts';
import { type DirectoryProps, givenDirectory } from './directory.ts';

export type NamedDirectory = DirectoryProps & { readonly name?: string };

/** The name given, or the first label of the domain. @throws WrongPropError for one that is no name, or not known at synth */
export function directoryName(props: NamedDirectory): string {
  const { domain } = givenDirectory(props);
  matching('directory.domain', domain, formats.domain, "give the domain's DNS name, such as corp.example.com");
  if (props.name === undefined && Token.isUnresolved(domain)) {
    throw new WrongPropError('directory.domain is known only at apply: give the directory a name, its resources are called after it');
  }
  const name = props.name ?? domain.replace(/\..*/, '').toLowerCase();
  if (Token.isUnresolved(name)) throw new WrongPropError('directory.name is known only at apply: write it in the props');
  return matching('directory.name', name, /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/, 'give lower-case letters, digits and "-"');
}

/** @throws WrongPropError when two directories have the same name or domain, which would share a cursor, or resources' names */
export function checkDistinct(directories: readonly NamedDirectory[]): void {
  const name = repeated(directories.map(directoryName));
  if (name !== undefined) throw new WrongPropError(`directories has two of the name "${name}": give one of them another name`);
  const domain = repeated(directories.map((props) => givenDirectory(props).domain.toLowerCase()));
  if (domain !== undefined) throw new WrongPropError(`directories has the domain "${domain}" twice: one entry reads all of a domain`);
}

export function repeated(values: readonly string[]): string | undefined {
  return values.find((value, index) => values.indexOf(value) !== index);
}
