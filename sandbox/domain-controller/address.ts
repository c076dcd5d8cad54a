// A loopback address of its own for each domain controller: LDAP's ports are fixed, 127.0.0.0/8 has room for many.

import { createServer, type ListenOptions, type Server } from 'node:net';

/** LDAP, LDAP over TLS, global catalogue, global catalogue over TLS. */
export const ldapPorts = [389, 636, 3268, 3269] as const;

const firstHost = 11;
const lastHost = 250;

export interface ClaimedAddress {
  /** `127.0.0.N` */
  readonly address: string;
  release(): Promise<void>;
}

/**
 * Claims the first address from 127.0.0.11 on whose LDAP ports are free. A claim is a socket in Linux' abstract namespace (unix(7)):
 * taking it is atomic, the kernel frees it when its process ends in whatever way, and it counts for one network namespace, as
 * loopback addresses do.
 *
 * @throws Error when the ports may not be opened, or no address is free
 */
export async function claimLoopbackAddress(): Promise<ClaimedAddress> {
  let taken = '';
  for (let host = firstHost; host <= lastHost; host += 1) {
    const address = `127.0.0.${host}`;
    const claim = await tryToListen({ path: `\0active-directory-lambda-${address}` });
    if (!('server' in claim)) continue;
    const busy = await firstBusyPort(address);
    if (busy === undefined) {
      // A claim alone keeps no process running.
      claim.server.unref();
      return { address, release: () => close(claim.server) };
    }
    await close(claim.server);
    if (busy.code === 'EACCES') {
      throw new Error(`may not listen on ${address}:${busy.port}; the domain controller's ports (${ldapPorts.join(', ')}) need root`);
    }
    taken = `, the last one because of port ${busy.port} (${busy.code})`;
  }
  throw new Error(
    `no loopback address from 127.0.0.${firstHost} to 127.0.0.${lastHost} has its ports ${ldapPorts.join(', ')} free${taken}; ` +
      'stop the server which listens on them, on all addresses perhaps',
  );
}

async function firstBusyPort(address: string): Promise<{ port: number; code: string } | undefined> {
  for (const port of ldapPorts) {
    const attempt = await tryToListen({ host: address, port });
    if (!('server' in attempt)) return { port, code: attempt.code };
    await close(attempt.server);
  }
  return undefined;
}

function tryToListen(options: ListenOptions): Promise<{ server: Server } | { code: string }> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === undefined) reject(error);
      else resolve({ code: error.code });
    });
    // `exclusive`: in a cluster's worker the main process would listen instead.
    server.listen({ ...options, exclusive: true }, () => resolve({ server }));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
