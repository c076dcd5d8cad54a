/** An environment in AWS, or a running sandbox: what its decide-access is configured with says where to read. */
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import { GetFunctionConfigurationCommand, LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { dynamoDbMirror, toRow } from '../../directory/dynamodb-mirror.ts';
import { isObjectRow, type ObjectRow } from '../../directory/mirror.ts';
import { watchedDomains } from '../../directory/principals.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { dynamoDbGrants } from '../dynamodb-grants.ts';
import { s3AccessConfiguration } from '../s3-access-configuration.ts';
import { ExplanationError } from './explanation-error.ts';
import type { ExplanationSource } from './explanation-source.ts';

/** Variables of decide-access that say where its records are. */
const places = ['DIRECTORY_TABLE', 'GRANTS_TABLE', 'ACCESS_BUCKET', 'ACCESS_KEY', 'DIRECTORY_DOMAINS'] as const;

/** @throws ExplanationError when there is no such environment */
export async function environmentSource(prefix: string, environment: string): Promise<ExplanationSource> {
  const variables = readEnvironment(places, await variablesOf(`${prefix}-${environment}-decide-access`));
  const dynamodb = new DynamoDBClient({});
  const domains = variables.DIRECTORY_DOMAINS.split(',');
  const grants = dynamoDbGrants(dynamodb, variables.GRANTS_TABLE);
  return {
    mirror: watchedDomains(dynamoDbMirror(dynamodb, variables.DIRECTORY_TABLE), domains),
    objects: async () => {
      const rows: ObjectRow[] = [];
      const pages = paginateScan(
        { client: dynamodb },
        {
          TableName: variables.DIRECTORY_TABLE,
          FilterExpression: 'sk = :object',
          ExpressionAttributeValues: { ':object': { S: 'object' } },
        },
      );
      for await (const { Items = [] } of pages) rows.push(...Items.map(toRow).filter(isObjectRow));
      return rows.filter(({ domain }) => domains.includes(domain));
    },
    access: s3AccessConfiguration(new S3Client({}), variables.ACCESS_BUCKET, variables.ACCESS_KEY),
    grants: (pk) => grants.read(pk),
  };
}

async function variablesOf(FunctionName: string): Promise<Readonly<Record<string, string>>> {
  try {
    const { Environment } = await new LambdaClient({}).send(new GetFunctionConfigurationCommand({ FunctionName }));
    return Environment?.Variables ?? {};
  } catch (cause) {
    if (!(cause instanceof ResourceNotFoundException)) throw cause;
    throw new ExplanationError(`no function ${FunctionName} here: give --environment and --prefix of a deployed environment`, { cause });
  }
}
