/**
 * A headless Chromium that a test keeps open and speaks to by the Chrome DevTools Protocol over a pipe, so that it can measure, print, and see
 * what the page logs and asks the network for.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

export interface BrowserSession {
  /** Opens a page from a file and waits until it is loaded. @returns milliseconds that took */
  open(html: string): Promise<number>;
  /** What JavaScript in the page gives, as JSON. @throws Error with what it threw */
  evaluate<T>(expression: string): Promise<T>;
  press(key: string, code: number): Promise<void>;
  /** With the page's structure in it, where every row of a table is one (PDF 2.0, "Structure types", TR). */
  pdf(): Promise<Buffer>;
  screenshot(scheme: 'light' | 'dark', width: number, height: number): Promise<Buffer>;
  /** What the page logged, threw or was denied by its policy since it was opened. */
  readonly problems: readonly string[];
  /** URLs asked for since it was opened, the page's own first. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  // biome-ignore lint/suspicious/noExplicitAny: the protocol's own shapes, each read where it is used
  readonly params?: any;
  // biome-ignore lint/suspicious/noExplicitAny: the protocol's own shapes, each read where it is used
  readonly result?: any;
  readonly error?: { readonly message: string };
}

export async function startBrowser(program: string): Promise<BrowserSession> {
  const folder = await mkdtemp(join(tmpdir(), 'active-directory-lambda-browser-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-extensions'];
  const offline = ['--host-resolver-rules=MAP * ~NOTFOUND', '--disable-background-networking'];
  const args = [...flags, ...offline, '--remote-debugging-pipe', `--user-data-dir=${join(folder, 'profile')}`, 'about:blank'];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const pipe = protocol(child);
  const problems: string[] = [];
  const requests: string[] = [];
  let loaded = () => {};
  pipe.onEvent(({ method, params }) => {
    if (method === 'Page.loadEventFired') loaded();
    else if (method === 'Network.requestWillBeSent') requests.push(params.request.url);
    else if (method === 'Runtime.exceptionThrown')
      problems.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    else if (method === 'Runtime.consoleAPICalled') problems.push(`console.${params.type}`);
    else if (method === 'Log.entryAdded') problems.push(params.entry.text);
  });
  const { targetInfos } = await pipe.send('Target.getTargets');
  const page = targetInfos.find(({ type }: { type: string }) => type === 'page');
  const { sessionId } = await pipe.send('Target.attachToTarget', { targetId: page.targetId, flatten: true });
  const call = (method: string, params: object = {}) => pipe.send(method, params, sessionId);
  for (const area of ['Page', 'Network', 'Runtime', 'Log']) await call(`${area}.enable`);
  let pages = 0;
  return {
    problems,
    requests,
    async open(html) {
      pages += 1;
      const file = join(folder, `page-${pages}.html`);
      await writeFile(file, html);
      problems.length = 0;
      requests.length = 0;
      const began = performance.now();
      const done = new Promise<void>((resolve) => {
        loaded = resolve;
      });
      await call('Page.navigate', { url: pathToFileURL(file).href });
      await done;
      return performance.now() - began;
    },
    async evaluate(expression) {
      const { result, exceptionDetails } = await call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    async press(key, code) {
      for (const type of ['keyDown', 'keyUp']) {
        const text = key === 'Enter' ? { text: '\r' } : {};
        await call('Input.dispatchKeyEvent', { type, key, code: key, windowsVirtualKeyCode: code, ...(type === 'keyDown' ? text : {}) });
      }
    },
    async pdf() {
      const { data } = await call('Page.printToPDF', { preferCSSPageSize: true, generateTaggedPDF: true });
      return Buffer.from(data, 'base64');
    },
    async screenshot(scheme, width, height) {
      await call('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
      await call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: false });
      const { data } = await call('Page.captureScreenshot', {});
      return Buffer.from(data, 'base64');
    },
    async close() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      await pipe.send('Browser.close').catch(() => undefined);
      const killer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(killer);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Messages end with a zero byte; file descriptor 3 is the browser's input, 4 its output. */
function protocol(child: ChildProcess) {
  const [input, output] = [child.stdio[3] as Writable, child.stdio[4] as Readable];
  const waiting = new Map<number, { readonly resolve: (result: Message['result']) => void; readonly reject: (error: Error) => void }>();
  let heard: (message: Message) => void = () => {};
  let last = 0;
  let rest: Buffer[] = [];
  output.on('data', (chunk: Buffer) => {
    let from = 0;
    for (let end = chunk.indexOf(0); end !== -1; end = chunk.indexOf(0, from)) {
      const message = JSON.parse(Buffer.concat([...rest, chunk.subarray(from, end)]).toString('utf8')) as Message;
      rest = [];
      from = end + 1;
      const asked = message.id === undefined ? undefined : waiting.get(message.id);
      if (asked === undefined) heard(message);
      else if (message.error) asked.reject(new Error(message.error.message));
      else asked.resolve(message.result);
    }
    rest.push(chunk.subarray(from));
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the browser has ended'));
  });
  return {
    onEvent(listener: (message: Message) => void) {
      heard = listener;
    },
    send(method: string, params: object = {}, sessionId?: string): Promise<Message['result']> {
      last += 1;
      const id = last;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        input.write(`${JSON.stringify({ id, method, params, ...(sessionId && { sessionId }) })}\0`);
      }).finally(() => waiting.delete(id));
    },
  };
}
