/** What a function writes, as Lambda captures it: line by line, and in the JSON log format with `console` writing JSON. */
import { format } from 'node:util';

const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];

/** Sends each line written to stdout or stderr to `send`, in the order of writing. */
export function captureOutput(send: (line: string) => void): void {
  let rest = '';
  const write = (chunk: string | Uint8Array, encoding?: unknown, done?: unknown): boolean => {
    const lines = (rest + (typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString())).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') send(line);
    const callback = typeof encoding === 'function' ? encoding : done;
    if (typeof callback === 'function') process.nextTick(callback);
    return true;
  };
  process.stdout.write = write as typeof process.stdout.write;
  process.stderr.write = write as typeof process.stderr.write;
}

/**
 * Lambda's Node.js runtime replaces `console` when the function logs JSON
 * (AWS Lambda Developer Guide, "Configuring JSON and plain text log formats").
 */
export function logJson(minimumLevel: string, requestId: () => string | undefined): void {
  const at =
    (level: string) =>
    (...parts: unknown[]): void => {
      if (levels.indexOf(level) < levels.indexOf(minimumLevel)) return;
      process.stdout.write(
        `${JSON.stringify({ timestamp: new Date().toISOString(), level, requestId: requestId(), ...contentOf(parts) })}\n`,
      );
    };
  Object.assign(console, {
    trace: at('TRACE'),
    debug: at('DEBUG'),
    log: at('INFO'),
    info: at('INFO'),
    warn: at('WARN'),
    error: at('ERROR'),
  });
}

function contentOf(parts: readonly unknown[]): Record<string, unknown> {
  const error = parts.find((part) => part instanceof Error);
  const message = parts.length === 1 && typeof parts[0] === 'object' && error === undefined ? parts[0] : format(...parts);
  if (error === undefined) return { message };
  return { message, errorType: error.name, errorMessage: error.message, stackTrace: (error.stack ?? '').split('\n').slice(1) };
}
