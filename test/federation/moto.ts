/** A moto server (an independent imitation of AWS's control planes, in Python) on loopback, where the machine has one. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Moto {
  readonly url: string;
  stop(): Promise<void>;
}

/** Why there is no moto to test with; undefined where there is one. */
export async function missingMoto(): Promise<string | undefined> {
  return run('python3', ['-c', 'import moto.server']).then(
    () => undefined,
    () => 'python3 has no moto server: pip install "moto[server]"',
  );
}

/** @throws when it does not answer within 30 seconds */
export async function startMoto(account: string): Promise<Moto> {
  const port = await freePort();
  const child = spawn('python3', ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
    env: { ...process.env, MOTO_ACCOUNT_ID: account },
    stdio: 'ignore',
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 150; tries++) {
    const answers = await fetch(`${url}/moto-api/`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answers) return { url, stop: () => stopped(child) };
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  await stopped(child);
  throw new Error(`moto does not answer at ${url}: run python3 -m moto.server by hand and read what it says`);
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port is free'))));
    });
  });
}
