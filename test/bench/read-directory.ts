/** A first snapshot in a process of its own: reads `{url, ca}` from standard input, prints objects, time and peak memory. */
import { readFile } from 'node:fs/promises';
import { captureSettings } from '../../handlers/directory/capture-settings.ts';
import { detectChanges } from '../../handlers/directory/detect-changes/detect-changes.ts';
import { connectLdapSource } from '../../handlers/directory/ldap-source.ts';
import type { Cursor, Mirror } from '../../handlers/directory/mirror.ts';

let input = '';
for await (const chunk of process.stdin) input += chunk;
const { url, ca } = JSON.parse(input) as { url: string; ca: string };

/** A mirror that is elsewhere, as the table is: it takes rows and holds none. */
let cursor: Cursor | undefined;
const elsewhere: Mirror = {
  acquireLease: async () => ({ fence: 1, first: true, cursor }),
  saveCursor: async (_domain, _fence, saved) => {
    cursor = saved;
  },
  release: async () => {},
  read: async () => [],
  readPartition: async () => [],
  list: async () => [],
  listBySid: async () => [],
  due: async () => [],
  scan: async () => ({ rows: [], after: undefined }),
  noteSeen: async () => {},
  seen: async () => new Set(),
  write: async () => {},
};

const start = performance.now();
const result = await detectChanges(
  {
    domain: 'corp.example.com',
    settings: captureSettings({}),
    mirror: elsewhere,
    connect: () =>
      connectLdapSource({
        urls: [url],
        ca,
        namingContext: 'DC=corp,DC=example,DC=com',
        credentials: { username: 'svc@corp.example.com', password: 'x' },
      }),
    log: { info: () => {}, warn: () => {}, error: (code, fields) => process.stderr.write(`${code} ${JSON.stringify(fields)}\n`) },
    now: () => new Date(),
  },
  { requestId: 'bench', remainingMs: () => 900_000 },
);
const ms = performance.now() - start;
// Of this program alone: getrusage(2) would begin with what the process that started it had.
const peakMb = Number(/^VmHWM:\s+(\d+) kB/m.exec(await readFile('/proc/self/status', 'utf8'))?.[1]) / 1024;
if (!(peakMb > 0)) throw new Error('no VmHWM in /proc/self/status: measure on Linux');
process.stdout.write(JSON.stringify({ objects: result.outcome === 'lease-held' ? 0 : result.objects, ms, peakMb }));
