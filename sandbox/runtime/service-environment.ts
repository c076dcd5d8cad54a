/** Environment variables that the Lambda service sets (AWS Lambda Developer Guide, "Defined runtime environment variables"). */
import type { Credentials } from '../aws/endpoint.ts';
import type { AppliedFunction } from '../terraform/applied-stack.ts';

export function serviceEnvironment(
  settings: AppliedFunction,
  where: { readonly region: string; readonly endpointUrl: string; readonly taskRoot: string; readonly logStream: string },
  credentials: Credentials,
): Record<string, string> {
  return {
    _HANDLER: settings.handler,
    AWS_REGION: where.region,
    AWS_DEFAULT_REGION: where.region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x',
    AWS_LAMBDA_FUNCTION_NAME: settings.name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: settings.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: where.logStream,
    AWS_LAMBDA_LOG_FORMAT: settings.logFormat,
    ...(settings.logFormat === 'JSON' && { AWS_LAMBDA_LOG_LEVEL: settings.applicationLogLevel }),
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken !== undefined && { AWS_SESSION_TOKEN: credentials.sessionToken }),
    LAMBDA_TASK_ROOT: where.taskRoot,
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    // The one variable that Lambda does not set: where AWS is on this machine (AWS SDKs reference guide, "Service-specific endpoints").
    AWS_ENDPOINT_URL: where.endpointUrl,
  };
}
