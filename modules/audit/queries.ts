/**
 * The questions of `npm run audit`, for those who ask in the console: of the log group in CloudWatch Logs Insights, of the bucket in Athena.
 * What stands in place of the asker's own words is `ada`, `developers`, an event's id and a time.
 *
 * Insights finds the first 200 fields of a record (Amazon CloudWatch Logs User Guide, "Supported logs and discovered fields"). A long decision
 * has more of them, and its lines are in the order of their names: what is filtered by is at their beginning, or in `@message`.
 */

export const questions = ['who', 'what', 'why', 'changes', 'timeline', 'deletions', 'denials'] as const;
export type Question = (typeof questions)[number];

/** Logs Insights QL; the time range is the console's. */
export const insightsQueries: Readonly<Record<Question, string>> = {
  who: `# What a user has and had. In place of ada: its sAMAccountName
fields @timestamp, metadata.event_code, message, privileges.0, unmapped.target, unmapped.decision.policies.0, metadata.uid
| filter @message like /"samAccountName":"ada"/
| filter metadata.event_code in ["AccessDecided", "AccessViolationFound", "RoleGranted", "RoleRevoked", "AccessEnded"]
| dedup metadata.uid
| sort @timestamp desc`,

  what: `# Who has and had a role. In place of developers: its name
fields @timestamp, metadata.event_code, message, unmapped.target, unmapped.decision.mappings.0, metadata.uid
| filter @message like /"role":"developers"/
| filter metadata.event_code in ["AccessDecided", "AccessViolationFound", "RoleGranted", "RoleRevoked", "AccessEnded"]
| dedup metadata.uid
| sort @timestamp desc`,

  why: `# Why something happened. In place of the id: that of the event; its cause has the id in unmapped.cause.id
fields @timestamp, metadata.event_code, message, actor.user.name, unmapped.decision.id, unmapped.decision.policies.0, unmapped.decision.mappings.0, unmapped.cause.id, unmapped.cause.type, unmapped.revisions.configuration, @message
| filter metadata.uid = "00000000-0000-8000-8000-000000000000"
| dedup metadata.uid`,

  changes: `# What has changed, the most severe first
fields @timestamp, severity, message, actor.user.name, unmapped.target, metadata.uid
| dedup metadata.uid
| sort severity_id desc, @timestamp desc`,

  timeline: `# What an event led to, and how long each hop took, in milliseconds. In place of the id: that of the event
fields metadata.event_code, message, unmapped.times.occurredAt, unmapped.times.detectedAt, unmapped.times.causeDetectedAt, metadata.logged_time - time as recorded_ms, metadata.uid
| filter metadata.uid = "00000000-0000-8000-8000-000000000000" or metadata.correlation_uid = "00000000-0000-8000-8000-000000000000"
| dedup metadata.uid
| sort time asc`,

  deletions: `# What was deleted, and who lost all access
fields @timestamp, metadata.event_code, message, actor.user.name, unmapped.target, metadata.correlation_uid, metadata.uid
| filter type_uid in [300106, 300605] or metadata.event_code = "AccessEnded"
| dedup metadata.uid
| sort @timestamp desc`,

  denials: `# What was denied, violates a policy, failed or is held back by a guard
fields @timestamp, metadata.event_code, message, status_detail, privileges.0, unmapped.target, unmapped.decision.policies.0, metadata.uid
| filter metadata.event_code in ["AccessDenied", "AccessViolationFound", "RoleChangeFailed", "RevocationStaged"]
| dedup metadata.uid
| sort @timestamp desc`,
};

/** The partitions that are read: those of a month, which is what a query costs. */
const month = `year = '2025' AND month = '03'`;

/** SQL of Athena's engine. @param table the trail's table, with its database */
export function athenaQueries(table: string): Readonly<Record<Question, string>> {
  const grants = `metadata.event_code IN ('AccessDecided', 'AccessViolationFound', 'RoleGranted', 'RoleRevoked', 'AccessEnded')`;
  return {
    who: `-- What a user has and had. In place of ada: its sAMAccountName
SELECT unmapped.times.occurredAt, metadata.event_code, message, privileges, unmapped.target, unmapped.decision.mappings,
  unmapped.decision.policies, json_extract(unmapped.change, '$.holds') AS holds, unmapped.cause.id AS cause, metadata.uid
FROM ${table}
WHERE ${month} AND unmapped.subject.samAccountName = 'ada'
  AND ${grants}
ORDER BY "time"`,

    what: `-- Who has and had a role. In place of developers: its name
SELECT unmapped.times.occurredAt, metadata.event_code, unmapped.subject.samAccountName, unmapped.subject.dn, unmapped.target,
  unmapped.decision.mappings, unmapped.decision.policies, metadata.uid
FROM ${table}
WHERE ${month} AND unmapped.change LIKE '%"role":"developers"%'
  AND ${grants}
ORDER BY "time"`,

    why: `-- Why something happened. In place of the id: that of the event; again with the cause's, up to the directory's change
SELECT unmapped.times.occurredAt, metadata.event_code, message, actor.user.name, unmapped.decision.id, unmapped.decision.policies,
  unmapped.decision.mappings, unmapped.change, unmapped.cause.id, unmapped.cause.type, unmapped.revisions.configuration
FROM ${table}
WHERE ${month} AND metadata.uid = '00000000-0000-8000-8000-000000000000'`,

    changes: `-- What has changed, the most severe first
SELECT unmapped.times.occurredAt, severity, message, actor.user.name, unmapped.target, unmapped.before, unmapped.after, metadata.uid
FROM ${table}
WHERE ${month}
ORDER BY severity_id DESC, "time"`,

    timeline: `-- What an event led to, and when each hop was. In place of the id: that of the event
SELECT metadata.event_code, message, unmapped.target, unmapped.times.occurredAt, unmapped.times.detectedAt,
  unmapped.times.causeDetectedAt, unmapped.times.recordedAt, metadata.logged_time - "time" AS recorded_ms, metadata.uid
FROM ${table}
WHERE ${month} AND '00000000-0000-8000-8000-000000000000' IN (metadata.uid, metadata.correlation_uid)
ORDER BY "time"`,

    deletions: `-- What was deleted, and who lost all access
SELECT unmapped.times.occurredAt, metadata.event_code, unmapped.subject.dn, unmapped.target, actor.user.name, metadata.correlation_uid,
  metadata.uid
FROM ${table}
WHERE ${month} AND (type_uid IN (300106, 300605) OR metadata.event_code = 'AccessEnded')
ORDER BY "time"`,

    denials: `-- What was denied, violates a policy, failed or is held back by a guard
SELECT unmapped.times.occurredAt, metadata.event_code, message, status_detail, privileges, unmapped.target, unmapped.decision.policies,
  metadata.uid
FROM ${table}
WHERE ${month} AND metadata.event_code IN ('AccessDenied', 'AccessViolationFound', 'RoleChangeFailed', 'RevocationStaged')
ORDER BY "time"`,
  };
}
