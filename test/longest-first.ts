/** The order in which test files start: the longest first, so that at the end no worker waits for another one's long file. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that took more than twenty seconds in CI, longest first. */
const longest = [
  'sandbox/story',
  'sandbox/stay',
  'credentials/rotation.samba',
  'examples/terraform',
  'sandbox/security-log',
  'directory/connector-property.samba',
  'directory/large-groups.samba',
  'examples/determinism',
  'credentials/rotation-replication.samba',
  'directory/connector-failover.samba',
  'sandbox/domain-controller/replication',
  'roles/drift-page',
  'directory/ldap-source.samba',
  'readme',
  'sandbox/bad-input',
  'sandbox/policies',
  'sandbox/measure',
  'sandbox/guard',
  'sandbox/domain-controller',
  'sandbox/aws/cli',
  'sandbox/account-access',
  'access/large-fan-out',
  'roles/converging-targets',
  'audit/completeness',
  'credentials/secrets-nowhere',
  'examples/cdktf-cli',
  'directory/mirror',
].map((name) => join(import.meta.dirname, `${name}.test.ts`));

const gone = longest.filter((file) => !existsSync(file));
if (gone.length > 0)
  throw new Error(`test/longest-first.ts names ${gone.map((file) => relative(process.cwd(), file)).join(', ')}: take out what is gone`);

/** Vitest alone knows the durations of the last run on the same machine; a fresh clone has none. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = longest.indexOf(moduleId);
      return place === -1 ? longest.length : place;
    };
    // Files that share processes come last, one after the other.
    const shares = ({ project }: TestSpecification): number => (project.config.isolate ? 0 : 1);
    return (await super.sort(files)).sort((one, other) => shares(one) - shares(other) || rank(one) - rank(other));
  }
}
