/**
 * Who asks, in the words of the issuer: the `sub` of a token. A subject is given in full, or as a pattern that says at its beginning whose
 * it is; where the form of an issuer's subjects is known, a role that would let more than one place in is refused.
 */
import { matching, WrongPropError } from '../platform/prop-checks.ts';
import type { IssuerKind } from './issuers.ts';

/** In full, or with `*` (any run of characters) and `?` (any one) anywhere but at the beginning. */
export type Subject = { readonly equals: string } | { readonly like: string };

export interface GitHubSubjectProps {
  readonly organization: string;
  readonly repository: string;
  /**
   * Ids that GitHub writes behind both names for repositories made, renamed or moved since July 2026, and for those that opted in: a name
   * that somebody takes over is then another subject (GitHub Docs, "OpenID Connect reference", immutable subject claims).
   *
   * @default none: the names alone
   */
  readonly ids?: { readonly organization: string; readonly repository: string };
  /** Exactly one of the three: the job's environment, which has its own reviewers, or what the job runs on. */
  readonly environment?: string;
  readonly branch?: string;
  readonly tag?: string;
}

export interface HcpTerraformSubjectProps {
  readonly organization: string;
  readonly project: string;
  readonly workspace: string;
  /** @default both: a plan then has the rights of an apply */
  readonly phase?: 'plan' | 'apply';
}

/** Subjects by their issuers' documentation. */
export const subjects = {
  /** @example subjects.gitHub({ organization: 'example', repository: 'identity', environment: 'prod' }) */
  gitHub(props: GitHubSubjectProps): Subject {
    const given = (['environment', 'branch', 'tag'] as const).filter((name) => props[name] !== undefined);
    const [kind, ...others] = given;
    if (kind === undefined || others.length > 0) {
      throw new WrongPropError(`subject names ${given.join(' and ') || 'neither environment, branch nor tag'}: give exactly one of them`);
    }
    const { organization, repository, ids } = props;
    // Without the type checker's help one may be missing, and the subject would be that of an organization called "undefined".
    for (const [name, value] of Object.entries({ organization, repository }))
      matching(`${name} of subject`, value, /^[\w.-]+$/, 'give its name at GitHub alone');
    matching(`${kind} of subject`, props[kind] ?? '', /^[^*?]+$/, 'give its name in full');
    if (ids !== undefined) {
      for (const name of ['organization', 'repository'] as const) matching(`ids.${name} of subject`, ids[name], /^\d+$/, 'give digits');
    }
    const place = ids ? `${organization}@${ids.organization}/${repository}@${ids.repository}` : `${organization}/${repository}`;
    const of = { environment: 'environment:', branch: 'ref:refs/heads/', tag: 'ref:refs/tags/' }[kind];
    // What is not allowed in a subject GitHub writes in percent-encoding, colons above all (GitHub Docs, "OpenID Connect reference").
    return { equals: `repo:${place}:${of}${(props[kind] ?? '').replaceAll(':', '%3A')}` };
  },

  /** @example subjects.hcpTerraform({ organization: 'example', project: 'identity', workspace: 'prod', phase: 'apply' }) */
  hcpTerraform({ organization, project, workspace, phase }: HcpTerraformSubjectProps): Subject {
    for (const [name, value] of Object.entries({ organization, project, workspace }))
      matching(`${name} of subject`, value, /^[^:*?]+$/, 'give its name at HCP Terraform in full');
    if (phase !== undefined) matching('phase of subject', phase, /^(?:plan|apply)$/, "give 'plan' or 'apply', or leave it out");
    const place = `organization:${organization}:project:${project}:workspace:${workspace}:run_phase:`;
    return phase === undefined ? { like: `${place}*` } : { equals: `${place}${phase}` };
  },
} as const;

const gitHubForm = /^repo:[\w.-]+(?:@\d+)?\/[\w.-]+(?:@\d+)?:(?:environment:[^*?:]+|ref:refs\/(?:heads|tags)\/[^*?:][^:]*)$/;
const hcpTerraformForm = /^organization:[^:*?]+:project:[^:*?]+:workspace:[^:*?]+:run_phase:(?:plan|apply|\*)$/;

/** Ids, and hashes for a user at a client (Microsoft Learn, "ID token claims reference", `sub`). */
const madeUp = (kind: IssuerKind) => ({
  form: /^[^*?]+$/,
  remedy: `subjects of ${kind} are made up, and those that begin alike have nothing in common; give one in full`,
});

/** What each issuer's subjects have to say. Those that are not here can be anything. */
const forms: Partial<Readonly<Record<IssuerKind, { readonly form: RegExp; readonly remedy: string }>>> = {
  'ad-fs': madeUp('ad-fs'),
  'entra-id': madeUp('entra-id'),
  'github-actions': {
    form: gitHubForm,
    remedy:
      'give repo:<organization>/<repository>: and one of environment:<name>, ref:refs/heads/<branch> or ref:refs/tags/<tag>; a "*" may end a branch or tag that begins in full',
  },
  'hcp-terraform': {
    form: hcpTerraformForm,
    remedy: 'give organization:<name>:project:<name>:workspace:<name>:run_phase: and plan, apply or "*"',
  },
};

/** Operator and text of the condition on `sub`. @throws WrongPropError for a subject that could be anybody's */
export function checkedSubject(
  prop: string,
  subject: Subject,
  kind: IssuerKind,
): { readonly operator: 'StringEquals' | 'StringLike'; readonly text: string } {
  const given: { equals?: unknown; like?: unknown } = typeof subject === 'object' && subject !== null ? subject : {};
  const keys = Object.keys(given);
  const text = given.equals ?? given.like;
  if (keys.length !== 1 || typeof text !== 'string') {
    throw new WrongPropError(`${prop} is ${JSON.stringify(subject)}: give exactly one of { equals } and { like }, as text`);
  }
  const refuse = (remedy: string): never => {
    throw new WrongPropError(`${prop} is "${text}": ${remedy}`);
  };
  if (text.includes('${')) refuse('write it out, a variable or a value known only at apply could be anybody');
  if (text.trim() !== text || text === '' || text.length > 255 || /[\p{Cc}"\\]/u.test(text)) {
    refuse('give 1 to 255 characters without quotes, backslashes, line ends, and spaces at either end');
  }
  const isPattern = /[*?]/.test(text);
  if (given.equals !== undefined && isPattern) refuse('IAM compares it to the letter; give { like } for a pattern');
  if (given.like !== undefined && !isPattern) refuse('it has no "*" or "?"; give { equals }');
  if (/^[*?]/.test(text)) refuse('a pattern that begins with a wildcard lets strangers in; say at its beginning whose it is');
  const known = forms[kind];
  if (known && !known.form.test(text)) refuse(known.remedy);
  return { operator: isPattern ? 'StringLike' : 'StringEquals', text };
}
