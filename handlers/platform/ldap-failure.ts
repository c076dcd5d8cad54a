/** What went wrong at a domain controller, in words fit for a log and an event: they hold no credentials. */
import { ResultCodeError } from 'ldapts';
import { certificateErrors } from './certificate-errors.ts';

/** What AD's error data of a refused bind means (Windows error codes in the diagnostic message of result 49). */
const bindErrors: Readonly<Record<string, string>> = {
  '525': 'no such account',
  '52e': 'wrong user name or password',
  '530': 'not permitted at this time',
  '531': 'not permitted from this computer',
  '532': 'password expired',
  '533': 'account disabled',
  '701': 'account expired',
  '773': 'password must be changed',
  '775': 'account locked out',
};

/** Why AD refused a bind: the error data's code, lower-case hexadecimal or '' where it gives none, and what it means. */
export interface BindRefusal {
  readonly code: string;
  readonly meaning: string;
}

export function bindRefusal(error: Error): BindRefusal {
  const code = /data ([0-9a-f]{3})/i.exec(error.message)?.[1]?.toLowerCase() ?? '';
  return { code, meaning: bindErrors[code] ?? 'credentials refused' };
}

export function bindRefused(url: string, username: string, error: Error): string {
  const { code, meaning } = bindRefusal(error);
  return `bind of "${username}" at ${url} refused: ${meaning}${code ? ` (data ${code})` : ''}; put the right user name and password into the bind secret`;
}

/** A reason in plain words. Messages of ldapts and Node carry no credentials. */
export function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const certificate = certificateErrors[code];
  if (certificate !== undefined) return `${certificate} (${code}); set the directory's CA certificate to the one that signed it`;
  if (error instanceof ResultCodeError) return `${error.name} (${error.code}): ${error.message}`;
  return error instanceof Error ? error.message || code || error.name : String(error);
}
