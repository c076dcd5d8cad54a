/** create-connector-account.sh as an operator runs it, on a real domain controller (Samba): passwords, usage, failures. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'ldapts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environment } from '../../sandbox/domain-controller/command.ts';
import { type DomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';
import { administratorClient, changeAttribute, createGroup, createUser } from '../../sandbox/domain-controller/population.ts';

const script = fileURLToPath(new URL('../../modules/directory/setup/create-connector-account.sh', import.meta.url));

let controller: DomainController;
let admin: Client;
let users: string;

beforeAll(async () => {
  controller = await startDomainController();
  admin = await administratorClient(controller);
  users = `CN=Users,${controller.baseDn}`;
  await createGroup(admin, users, 'Staff');
});

afterAll(async () => {
  await admin?.unbind();
  await controller?.stop();
});

const run = (options: string[], input = '') => spawnSync('sh', [script, ...options], { input, env: environment, encoding: 'utf8' });
const here = () => ['--configfile', join(controller.directory, 'smb.conf'), '--sysvol', join(controller.directory, 'state', 'sysvol')];

async function accountNamed(name: string) {
  const { searchEntries } = await admin.search(users, {
    scope: 'sub',
    filter: `(sAMAccountName=${name})`,
    attributes: ['userAccountControl'],
  });
  return searchEntries[0];
}

test('WHEN it makes a password up THEN the account binds with it, and it is in a file for the owner alone and nowhere else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'connector-account-test-'));
  const file = join(folder, 'password');
  const { status, stdout, stderr } = run([...here(), '--name', 'svc-generated', '--generate-password', file, '--password-never-expires']);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const password = (await readFile(file, 'utf8')).trimEnd();
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(stdout).not.toContain(password);
  const client = new Client({ url: controller.ldapsUrl, tlsOptions: { ca: [controller.ca] } });
  await client.bind(`CN=svc-generated,${users}`, password);
  await client.unbind();
  // NORMAL_ACCOUNT, NOT_DELEGATED, DONT_EXPIRE_PASSWD (MS-ADTS section 2.2.16)
  expect(await accountNamed('svc-generated')).toMatchObject({ userAccountControl: String(0x200 | 0x100000 | 0x10000) });
  await rm(folder, { recursive: true });
});

test('WHEN asked for help THEN it says how it is used', () => {
  const { status, stdout } = run(['--help']);
  expect(status).toBe(0);
  for (const option of ['--name', '--password-stdin', '--generate-password', '--without-replication']) expect(stdout).toContain(option);
});

test.each([
  ['an option it does not know', ['--frobnicate'], /unrecognized arguments: --frobnicate/],
  ['a password on the command line', ['--password', 'Secret-1'], /unrecognized arguments/],
  ['a name with a space', ['--name', 'a b'], /"a b" is not 1 to 20 characters/],
  ['two sources of the password', ['--password-stdin', '--generate-password', 'x'], /not allowed with/],
  ['a new account and no password', ['--name', 'svc-none'], /no terminal to ask .* use --password-stdin or --generate-password/],
])('fails with 2 and its usage for %s', (_, options, message) => {
  const { status, stderr } = run([...here(), ...options]);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^usage: create-connector-account\.sh/);
  expect(stderr).toMatch(message);
});

test.each([
  ['a weak password', ['--name', 'svc-none', '--password-stdin'], 'short\n', /^failed: .*password is too short/],
  ['an empty password', ['--name', 'svc-none', '--password-stdin'], '\n', /^failed: no password on standard input/],
  ['an administrator', ['--name', 'Administrator'], '', /is protected as an administrator.*choose another --name/],
  ['a group', ['--name', 'Staff'], '', /is no user/],
  ['a folder that is not SYSVOL', ['--name', 'svc-none', '--password-stdin', '--sysvol', '/nowhere'], 'Long-Enough-1\n', /--sysvol/],
  ['a container that does not exist', ['--name', 'svc-none', '--password-stdin', '--container', 'OU=x'], 'Long-Enough-1\n', /OU=x/],
])('fails with 1 for %s, and leaves the directory as it was', async (_, options, input, message) => {
  const policies = join(controller.directory, 'state', 'sysvol', controller.domain, 'Policies');
  const before = await readdir(policies);
  const { status, stderr } = run([...here(), ...options], input);
  expect(status).toBe(1);
  expect(stderr).toMatch(message);
  expect(await accountNamed('svc-none')).toBeUndefined();
  expect(await readdir(policies)).toEqual(before);
});

test('fails for an account that is in a group', async () => {
  const dn = await createUser(admin, users, 'Somebody', { sAMAccountName: 'svc-grouped' });
  await changeAttribute(admin, `CN=Staff,${users}`, 'add', 'member', [dn]);
  const { status, stderr } = run([...here(), '--name', 'svc-grouped']);
  expect(status).toBe(1);
  expect(stderr).toContain(`failed: ${dn} is a member of groups`);
});

test('fails after a password was made up THEN its file is gone again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'connector-account-test-'));
  const { status } = run([...here(), '--name', 'svc-none', '--generate-password', join(folder, 'password'), '--container', 'OU=x']);
  expect(status).toBe(1);
  expect(await readdir(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});
