/** The arrows of the design, enforced: which room may import from which. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

/** All imports of the TypeScript files below a folder: relative ones as paths from the root, others as package names. */
function importsOf(folder: string): readonly Import[] {
  return sourceFiles(folder).flatMap((from) =>
    [
      ...readFileSync(join(root, from), 'utf8').matchAll(
        /^(?:import|export)\s(?<type>type\s)?[^;]*?from '(?<to>[^']+)'|^import '(?<bare>[^']+)'|import\('(?<dynamic>[^']+)'\)/gms,
      ),
    ].map(({ groups }) => {
      const to = groups?.to ?? groups?.bare ?? groups?.dynamic ?? '';
      return { from, to: to.startsWith('.') ? relative(root, resolve(root, dirname(from), to)) : to, typeOnly: groups?.type !== undefined };
    }),
  );
}

function sourceFiles(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

const room = (path: string): string => path.split('/').slice(0, 2).join('/');
const handlerImports = importsOf('handlers').filter(({ to }) => to.startsWith('handlers/'));

/** What each room of handlers/ may import from, besides itself. */
const arrows: Readonly<Record<string, readonly string[]>> = {
  'handlers/platform': ['handlers/events'],
  'handlers/events': ['handlers/platform'],
  'handlers/directory': ['handlers/events', 'handlers/platform'],
  'handlers/access': ['handlers/events', 'handlers/platform', 'handlers/directory'],
  'handlers/roles': ['handlers/events', 'handlers/platform', 'handlers/directory', 'handlers/access'],
  'handlers/credentials': ['handlers/events', 'handlers/platform'],
  'handlers/audit': ['handlers/events', 'handlers/platform'],
  // The status is told from the state that every room keeps; it changes none, and nothing imports it.
  'handlers/operations': [
    'handlers/platform',
    'handlers/directory',
    'handlers/roles',
    'handlers/credentials',
    'handlers/audit',
    'handlers/functions.ts',
  ],
};

describe('the arrows between rooms', () => {
  it('reads imports at all', () => {
    expect(handlerImports.length).toBeGreaterThan(50);
    expect(importsOf('modules').length).toBeGreaterThan(20);
    expect(importsOf('sandbox').length).toBeGreaterThan(50);
  });

  it('GIVEN a file of handlers/ THEN its room has arrows', () => {
    const rooms = new Set(sourceFiles('handlers').map(room));
    const known = [...Object.keys(arrows), 'handlers/bundle.ts', 'handlers/functions.ts'];
    expect([...rooms].filter((name) => !known.includes(name))).toEqual([]);
  });

  it('GIVEN an import between rooms of handlers/ THEN it follows the arrows', () => {
    const wrong = handlerImports.filter(({ from, to }) => {
      const [here, there] = [room(from), room(to)];
      return here !== there && arrows[here] !== undefined && !arrows[here].includes(there);
    });
    expect(wrong).toEqual([]);
  });

  it('events import nothing of platform but its errors, platform nothing of events but the event contract', () => {
    const between = handlerImports.filter(
      ({ from, to }) => ['handlers/events', 'handlers/platform'].includes(room(from)) && room(from) !== room(to),
    );
    expect([...new Set(between.map(({ to }) => to))].sort()).toEqual(['handlers/events/identity-event.ts', 'handlers/platform/errors.ts']);
  });

  it('authentication and roles do not know each other', () => {
    const between = handlerImports.filter(({ from, to }) =>
      [`${room(from)} ${room(to)}`].some(
        (pair) => pair === 'handlers/credentials handlers/roles' || pair === 'handlers/roles handlers/credentials',
      ),
    );
    expect(between).toEqual([]);
  });

  it('handlers never import the infrastructure, the sandbox or the tests', () => {
    const wrong = importsOf('handlers').filter(
      ({ to }) => /^(?:cdktf|constructs|@cdktf\/)/.test(to) || /^(?:modules|examples|sandbox|test)\//.test(to),
    );
    expect(wrong).toEqual([]);
  });

  it('modules take from handlers the event catalogue, the environment lists, checkers of settings and the zips only', () => {
    const allowed = [
      'handlers/events/catalogue.ts',
      'handlers/functions.ts',
      'handlers/bundle.ts',
      // Settings are refused at synth by the same code that reads them in the function.
      'handlers/access/access-configuration.ts',
      // A federated role is one that the mappings give.
      'handlers/access/giving-groups.ts',
      'handlers/access/policies/authorizer.ts',
      'handlers/roles/target-settings.ts',
      'handlers/roles/targets/index.ts',
      'handlers/directory/capture-settings.ts',
      'handlers/directory/distinguished-name.ts',
      'handlers/credentials/credential-settings.ts',
      'handlers/credentials/vault/vault-settings.ts',
      // The role allows exactly the token that the function asks for.
      'handlers/platform/identity-token.ts',
      // A subscription filter lets pass what read-security-log knows.
      'handlers/directory/security-log/event-ids.ts',
      // What a function may do at a target belongs to the target's kind.
      'handlers/roles/targets/identity-center/permissions.ts',
      // The role in another account has the ARN that the functions assume, and trusts the tags that they send.
      'handlers/roles/targets/identity-center/assume-role.ts',
    ];
    const wrong = importsOf('modules').filter(
      ({ from, to, typeOnly }) =>
        to.startsWith('handlers/') && !typeOnly && !allowed.includes(to) && !to.endsWith('/environment.ts') && !isReviewOfAccess(from, to),
    );
    expect(wrong).toEqual([]);
  });

  /** A review of a plan decides by the code that decides, over an exported mirror. No construct imports it. */
  const isReviewOfAccess = (from: string, to: string): boolean =>
    from.startsWith('modules/plan-review/') && (to.startsWith('handlers/access/') || to.startsWith('handlers/directory/'));

  it('constructs do not import the review of plans, and it imports no construct', () => {
    const isReview = (path: string) => path.startsWith('modules/plan-review/');
    const across = importsOf('modules').filter(({ from, to }) => to.startsWith('modules/') && isReview(from) !== isReview(to));
    expect(across).toEqual([]);
    expect(importsOf('modules/plan-review').filter(({ to }) => /^(?:cdktf|constructs|@cdktf\/)/.test(to))).toEqual([]);
  });

  it('modules import neither the sandbox nor the tests', () => {
    expect(importsOf('modules').filter(({ to }) => /^(?:sandbox|test|examples)\//.test(to))).toEqual([]);
  });

  it('only detect-changes and rotate-credential reach a domain controller', () => {
    const entry = Map.groupBy(importsOf('handlers'), ({ from }) => from);
    const reaches = (file: string, seen = new Set<string>()): Set<string> => {
      for (const { to, typeOnly } of entry.get(file) ?? []) {
        if (typeOnly || seen.has(to)) continue;
        seen.add(to);
        reaches(to, seen);
      }
      return seen;
    };
    const roots = sourceFiles('handlers').filter((path) => /^handlers\/\w+\/[\w-]+\/index\.ts$/.test(path));
    const speaking = roots.filter((path) => reaches(path).has('ldapts'));
    expect(speaking.map((path) => path.split('/')[2]).filter((name) => name !== 'rotate-credential')).toEqual(['detect-changes']);
    expect(roots.length).toBeGreaterThanOrEqual(5);
  });

  it('no file has a name that says nothing', () => {
    const files = ['handlers', 'modules', 'examples', 'sandbox', 'test'].flatMap(sourceFiles);
    expect(files.filter((path) => /(?:^|\/)(?:utils?|helpers?|common|misc|manager)(?:\.|\/)/.test(path))).toEqual([]);
  });
});
