/** Composition root of review-access. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { S3Client } from '@aws-sdk/client-s3';
import { dynamoDbGrants } from '../../access/dynamodb-grants.ts';
import { dynamoDbMirror } from '../../directory/dynamodb-mirror.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { ConfigurationError } from '../../platform/errors.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { createLog } from '../../platform/log.ts';
import { dynamoDbAccounts } from '../dynamodb-ledger.ts';
import { reviewAccessEnvironment } from './environment.ts';
import { reviewAccess } from './review-access.ts';
import { reviewPeriods } from './review-due.ts';
import { mappingEnds, mirroredLogons, newestDrift } from './review-sources.ts';
import { s3ReviewStore } from './review-store.ts';

const env = readEnvironment(reviewAccessEnvironment);
const every = reviewPeriods.find((one) => one === env.REVIEW_EVERY);
if (every === undefined) throw new ConfigurationError(`REVIEW_EVERY is "${env.REVIEW_EVERY}": set it to ${reviewPeriods.join(', ')}`);
const logonDomains = env.LOGON_DOMAINS === 'none' ? [] : env.LOGON_DOMAINS.split(',');

const dynamodb = new DynamoDBClient({});
const s3 = new S3Client({});
const dependencies = {
  deployment: env.DEPLOYMENT,
  targets: env.TARGETS.split(','),
  every,
  logonDomains,
  configuration: env.ACCESS_KEY,
  sources: {
    scan: dynamoDbGrants(dynamodb, env.GRANTS_TABLE).scan,
    accounts: dynamoDbAccounts(dynamodb, env.ROLES_TABLE),
    logons: mirroredLogons(dynamoDbMirror(dynamodb, env.DIRECTORY_TABLE), new Set(logonDomains)),
    ends: () => mappingEnds(s3, env.ACCESS_BUCKET, env.ACCESS_KEY),
    drift: newestDrift(s3, env.REPORT_BUCKET),
  },
  store: s3ReviewStore(s3, env.REPORT_BUCKET),
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  log: createLog('review-access'),
  now: () => new Date(),
} as const;

export const handler = (request: unknown) => reviewAccess(dependencies, request);
