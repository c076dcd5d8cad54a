// The running samba process of one working copy.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { environment, explainLog } from './command.ts';

export interface SambaProcess {
  /** Ends the process and leaves its folder; the folder still goes when this process ends. */
  halt(): Promise<void>;
  /** Ends the process and removes its folder; waits for both. */
  stop(): Promise<void>;
}

export interface SambaStart {
  readonly folder: string;
  readonly configFile: string;
  readonly address: string;
  readonly host: string;
  readonly ca: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** While this file is in the folder, the end of samba is a halt. */
const halted = 'halted';

/** Samba runs with a terminal-less session of its own (a Ctrl-C meant for us does not reach it); the shell tidies up after it. */
const runThenRemove = `folder=$1; shift; "$@"; [ -e "$folder/${halted}" ] || rm -rf -- "$folder"`;

/**
 * Starts samba and waits until it answers over TLS with our certificate.
 *
 * In interactive mode samba ends when its standard input does. That input is a socket to this process, and the kernel closes it
 * however this process ends, SIGKILL included: the domain controller cannot outlive its owner, and its folder is then removed by the
 * shell which waits for samba.
 *
 * @throws Error with the end of samba's log when it ends early or does not answer in time
 */
export async function startSamba(start: SambaStart): Promise<SambaProcess> {
  const samba = ['samba', '--interactive', '--no-process-group', '--model=single', `--configfile=${start.configFile}`];
  const child = spawn('sh', ['-c', runThenRemove, 'sh', start.folder, ...samba], { detached: true, stdio: 'pipe', env: environment });
  let log = '';
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-16_384);
    });
  }
  child.stdin.on('error', () => undefined);
  let ended = false;
  const end = once(child, 'close').then(
    () => {
      ended = true;
    },
    (error: Error) => {
      ended = true;
      log += `\n${error.message}`;
    },
  );

  const endProcess = async (): Promise<void> => {
    child.stdin.end();
    const inTime = await Promise.race([end.then(() => true), delay(5_000, false, { ref: false })]);
    // Its own process group: the shell and samba.
    if (!inTime && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    await end;
  };
  const halt = async (): Promise<void> => {
    await writeFile(join(start.folder, halted), '');
    await endProcess();
    await rm(join(start.folder, halted));
  };
  const stop = async (): Promise<void> => {
    await endProcess();
    await rm(start.folder, { recursive: true, force: true, maxRetries: 3 });
  };

  const deadline = Date.now() + (start.timeoutMs ?? 30_000);
  for (;;) {
    const failure = await handshakeFailure(start);
    if (failure === undefined) return { halt, stop };
    const aborted = start.signal?.aborted === true;
    if (aborted || ended || Date.now() > deadline) {
      const outcome = ended ? 'ended while starting' : `did not answer on ${start.address}:636 in time (${failure})`;
      await stop();
      if (aborted) throw start.signal?.reason;
      throw new Error(`samba ${outcome}; its log says: ${explainLog(log) || 'nothing'}`);
    }
    await delay(20);
  }
}

/** Why no verified TLS connection to the domain controller can be made yet; undefined when one was. */
function handshakeFailure({ address, host, ca }: SambaStart): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 636, ca, servername: host, timeout: 2_000 });
    const settle = (failure: string | undefined): void => {
      socket.destroy();
      resolve(failure);
    };
    socket.once('secureConnect', () => settle(undefined));
    socket.once('error', (error) => settle(error.message));
    socket.once('timeout', () => settle('no TLS handshake'));
    socket.once('close', () => settle('the connection was closed'));
  });
}
