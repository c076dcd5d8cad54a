/**
 * The network as a function sees it: the VPC's resolver and the security group's outgoing rules, inside one worker.
 * A worker has its own copies of Node's modules, so nothing outside it changes. What a security group would drop in silence fails at once
 * and says why.
 */
import dgram from 'node:dgram';
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import type { NetworkRules } from './worker-messages.ts';

interface Target {
  readonly host: string;
  readonly port: number;
  readonly path?: string;
}

/** Also publishes every change to Node's modules made before it. */
export function restrictNetwork(rules: NetworkRules): void {
  restrictNames(rules);
  restrictConnections(rules);
  dgram.createSocket = () => {
    throw new Error(`${rules.functionName} opened a UDP socket, which its network does not let out`);
  };
  syncBuiltinESMExports();
}

function addressOf(name: string, rules: NetworkRules): string | undefined {
  const plain = name.toLowerCase().replace(/\.$/, '');
  if (net.isIP(plain) !== 0) return plain;
  // An S3 client puts the bucket before the endpoint's name; names under localhost are loopback (RFC 6761 section 6.3).
  if (plain === rules.endpoint.host || plain.endsWith(`.${rules.endpoint.host}`)) return '127.0.0.1';
  return Object.entries(rules.hosts).find(([host]) => host.toLowerCase() === plain)?.[1];
}

function restrictNames(rules: NetworkRules): void {
  const unknown = (name: string) =>
    Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: name });
  const answer = (name: string, all: boolean) => {
    const address = addressOf(name, rules);
    if (address === undefined) throw unknown(name);
    const found = { address, family: net.isIP(address) };
    return all ? [found] : found;
  };
  type Callback = (error: Error | null, address?: unknown, family?: number) => void;
  const lookup = (name: string, options: unknown, callback?: Callback) => {
    const done = (callback ?? options) as Callback;
    const all = typeof options === 'object' && options !== null && (options as { all?: boolean }).all === true;
    process.nextTick(() => {
      try {
        const found = answer(name, all);
        if (Array.isArray(found)) done(null, found);
        else done(null, found.address, found.family);
      } catch (error) {
        done(error as Error);
      }
    });
  };
  const lookupPromise = async (name: string, options?: { all?: boolean }) => answer(name, options?.all === true);
  Object.assign(dns, { lookup });
  Object.assign(dns.promises, { lookup: lookupPromise });
  // These ask a name server directly, past the lookup above.
  const refuse = (name: string) => {
    throw unknown(String(name));
  };
  for (const query of [
    'resolve',
    'resolve4',
    'resolve6',
    'resolveAny',
    'resolveCname',
    'resolveMx',
    'resolveNs',
    'resolvePtr',
    'resolveSrv',
    'resolveTxt',
    'reverse',
  ]) {
    Object.assign(dns, { [query]: refuse });
    Object.assign(dns.promises, { [query]: async (name: string) => refuse(name) });
  }
}

function restrictConnections(rules: NetworkRules): void {
  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function restricted(this: net.Socket, ...parameters: never[]) {
    const target = targetOf(parameters);
    if (!isLetOut(target, rules)) {
      const where = target.path ?? `${target.host}:${target.port}`;
      const reason = `connect ENETUNREACH ${where}: the security group of ${rules.functionName} lets out ${lettingOut(rules)}`;
      process.nextTick(() => this.destroy(Object.assign(new Error(reason), { code: 'ENETUNREACH', syscall: 'connect' })));
      return this;
    }
    return Reflect.apply(connect, this, parameters) as net.Socket;
  };
}

/** The shapes of `socket.connect`: options, a port and a host, a path, or the list that `net.connect` makes of these. */
function targetOf(parameters: readonly unknown[]): Target {
  const [first, second] = Array.isArray(parameters[0]) ? (parameters[0] as unknown[]) : parameters;
  if (typeof first === 'object' && first !== null) {
    const { host, port, path } = first as { host?: string; port?: number | string; path?: string };
    return { host: host ?? 'localhost', port: Number(port), ...(path !== undefined && port === undefined && { path }) };
  }
  if (typeof first === 'string' && Number.isNaN(Number(first))) return { host: '', port: 0, path: first };
  return { host: typeof second === 'string' ? second : 'localhost', port: Number(first) };
}

function isLetOut({ host, port, path }: Target, rules: NetworkRules): boolean {
  if (path !== undefined) return false;
  const address = addressOf(host, rules);
  // A name that does not resolve fails in the lookup, with the error that callers know.
  if (address === undefined) return true;
  const { endpoint, hosts, ports } = rules;
  if (port === endpoint.port && (address === endpoint.host || address === '127.0.0.1')) return true;
  if (rules.internet.includes(`${host}:${port}`)) return true;
  return ports.includes(port) && Object.values(hosts).includes(address);
}

function lettingOut({ endpoint, hosts, ports }: NetworkRules): string {
  const names = Object.keys(hosts);
  const toHosts = names.length > 0 && ports.length > 0 ? ` and ports ${ports.join(', ')} of ${names.join(', ')}` : ' alone';
  return `the endpoint ${endpoint.host}:${endpoint.port}${toHosts}`;
}
