/** What `npm run audit -- --help` says. */
export const usage = `usage: npm run audit -- ACTION [options]

  who --user NAME    what a user has and had: since when, until when, by which groups, mapping
                     and policies, and who changed the directory; [--target] [--at]
  what --role NAME   who has and had a role; [--target] [--at]
  why --grant GRANT  one grant, as who and what name it (ada/developers@wiki): the decision and
                     the chain of causes up to the directory; [--at]
  why --event ID     the same of an event
  changes            what has changed, deletions first; [--since] [--until] [--user] [--role]
                     [--target] [--type TYPE,…] [--severity SEVERITY]
  timeline --event ID, or --user NAME [--since]
                     the way of one change from the directory to its audit record, and how long
                     each hop took
  verify             says whether the audit trail is what was written, or names the first
                     record, file or digest that is missing, altered, reordered or forged

  --user NAME        sAMAccountName, user principal name, name, DN, SID or objectGUID, of now or then
  --at TIME          as it was then
  --since, --until TIME
                     changes from then on, and before then
  --severity SEVERITY
                     informational, low, medium, high or critical, and what is worse
  --json, --csv      print JSON, or of who, what and changes CSV, on standard output

  --environment NAME environment of the deployment                [dev]
  --prefix PREFIX    prefix of the deployment                     [ad-lambda]
  --evidence         ask the trail's bucket in place of its log
  --files DIR        files exported from the trail's bucket, in place of a deployment
  -h, --help         this text

of verify:
  --from TIME        first hour: 2025-03-01T10, 2025-03-01        [that of the first digest]
  --to TIME          last hour; of a date alone its last hour     [that of the last digest]
  --public-key PEM   file with the public key of the trail; with --files it has to be given

Times are UTC: 2025-03-01, 2025-03-01T10:30, 2025-03-01T10:30:00Z. Without --to nobody can tell
whether the newest digests are gone; without --from the first digest has to be the first of the
trail. Credentials, region and endpoint are the AWS SDK's own settings (AWS_PROFILE, AWS_REGION,
AWS_ENDPOINT_URL).
Exit codes: 0 answered, or intact; 1 not answered, not intact or not verified; 2 wrong usage;
3 nothing is called so; 4 more than one is called so; 5 answered, and it is not so: a grant that
is not held or violates a policy, a change that is not through or failed.
`;
