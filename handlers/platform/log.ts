/** Logs are JSON records whose message is a code in capitals; what happened is in the fields, never in prose. */
import { Logger } from '@aws-lambda-powertools/logger';

export interface Log {
  info(code: string, fields?: Record<string, unknown>): void;
  warn(code: string, fields?: Record<string, unknown>): void;
  error(code: string, fields?: Record<string, unknown>): void;
}

/** The log of one function. Fields hold names, counts and ids; a caller never passes a secret, an attribute list or the environment. */
export function createLog(functionName: string): Log {
  const logger = new Logger({ serviceName: functionName });
  return {
    info: (code, fields = {}) => logger.info(code, fields),
    warn: (code, fields = {}) => logger.warn(code, fields),
    error: (code, fields = {}) => logger.error(code, fields),
  };
}
