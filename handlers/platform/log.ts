/** Logs are JSON records whose message is a code in capitals; what happened is in the fields, never in prose. */
import { Logger } from '@aws-lambda-powertools/logger';
import { currentChain } from './chain.ts';

export interface Log {
  info(code: string, fields?: Record<string, unknown>): void;
  warn(code: string, fields?: Record<string, unknown>): void;
  error(code: string, fields?: Record<string, unknown>): void;
}

/**
 * The log of one function. Fields hold names, counts and ids; a caller never passes a secret, an attribute list or the environment. Powertools
 * adds `xray_trace_id`, the trace that the line belongs to; what is logged for an event also carries `correlationId`, see `chain.ts`.
 */
export function createLog(functionName: string): Log {
  const logger = new Logger({ serviceName: functionName });
  const whole = (fields: Record<string, unknown> = {}) => ({ ...fields, ...currentChain() });
  return {
    info: (code, fields) => logger.info(code, whole(fields)),
    warn: (code, fields) => logger.warn(code, whole(fields)),
    error: (code, fields) => logger.error(code, whole(fields)),
  };
}
