/** Wrong props of how directories are watched fail at synth with the value and the remedy. What the type checker refuses too is forced past it here. */
import { expect, test } from 'vitest';
import { type ActiveDirectoryIntegrationProps, WrongPropError } from '../../modules/index.ts';
import { created, existing, synthesize } from './integration.ts';

const given = (changes: object) => ({ directories: [{ existing: { ...existing, ...changes } }] });
const watched = (changes: object) => ({ directories: [{ existing, ...changes }] });

const wrong: readonly (readonly [what: string, props: object, message: RegExp])[] = [
  ['a name with capitals', watched({ name: 'Corp' }), /^directory.name is "Corp": give lower-case letters, digits and "-"/],
  ['a name that starts with a hyphen', watched({ name: '-corp' }), /^directory.name is "-corp"/],
  [
    'a name too long for a function',
    watched({ name: 'c'.repeat(35) }),
    /^name of the function ".+" has 65 characters, 64 are allowed: shorten prefix, the environment's name or the directory's/,
  ],
  [
    'two directories of one name',
    { directories: [{ existing }, { existing: { ...existing, domain: 'corp.example.org' } }] },
    /^directories has two of the name "corp": give one of them another name/,
  ],
  [
    'one domain twice',
    { directories: [{ existing }, { existing: { ...existing, domain: 'CORP.example.com' }, name: 'again' }] },
    /^directories has the domain "corp.example.com" twice: one entry reads all of a domain/,
  ],
  [
    'a domain known only at apply, and no name',
    given({ domain: `$\{TfToken[TOKEN.999]}` }),
    /^directory.domain is known only at apply: give the directory a name/,
  ],
  [
    'two directories that create the endpoints of one VPC',
    { directories: [{ created }, { created: { ...created, domain: 'lab.example.com' } }] },
    /^network.endpoints of two directories are to be created in vpc-0123456789abcdef0: create them with the VPC/,
  ],
  ['another reaction', watched({ reaction: 'at once' }), /^reaction is "at once": give "schedule" or "security-log"/],
  ['a reaction to no log', watched({ reaction: 'security-log' }), /^reaction of directory "corp" is "security-log": give its securityLog/],
  [
    'a managed log of a directory that is not managed',
    watched({ securityLog: { managed: true } }),
    /^securityLog of directory "corp" is managed: give the directoryId of an AWS Managed Microsoft AD, or the logGroupName/,
  ],
  [
    'a log both managed and its own',
    watched({ securityLog: { managed: true, logGroupName: '/corp/security' } }),
    /^securityLog is .+: give either \{ managed: true \} or \{ logGroupName \}/,
  ],
  ['a log that is not managed', watched({ securityLog: { managed: false } }), /^securityLog is .+: give either/],
  ['an empty log', watched({ securityLog: {} }), /^securityLog.logGroupName is undefined: give the name of a log group/],
  [
    'a log group by its ARN',
    watched({ securityLog: { logGroupName: 'arn:aws:logs:eu-central-1:111122223333:log-group:/corp/security' } }),
    /^securityLog.logGroupName is "arn:.+": give the name of a log group of the environment's account and region/,
  ],
  [
    'the log group of a function',
    watched({ securityLog: { logGroupName: '/aws/lambda/ad-lambda-test-read-security-log' } }),
    /^securityLog.logGroupName is "\/aws\/lambda\/.+", a log group of a Lambda function: give the one that the domain controllers write/,
  ],
  [
    'two directories with one log group',
    {
      directories: [
        { existing, securityLog: { logGroupName: '/security' } },
        { existing: { ...existing, domain: 'lab.example.com' }, securityLog: { logGroupName: '/security' } },
      ],
    },
    /^securityLog.logGroupName "\/security" is given to two directories: give each a log group of its own/,
  ],
  [
    'the id of another kind of directory',
    given({ directoryId: 'corp' }),
    /^directoryId is "corp": give the id of an AWS Managed Microsoft AD, such as d-1234567890/,
  ],

  [
    'another mode of capture',
    watched({ capture: { mode: 'everything' } }),
    /^capture of directory "corp": .*mode must be replication or object-security \(got "everything"\)/,
  ],
  [
    'a secret attribute',
    watched({ capture: { attributes: ['unicodePwd'] } }),
    /^capture of directory "corp": .*holds a secret.*leave it out/,
  ],
  [
    'a scope by no distinguished name',
    watched({ capture: { scope: { include: { organizationalUnits: ['People'] } } } }),
    /is no distinguished name/,
  ],
  [
    'an included unit of another domain',
    watched({ capture: { scope: { include: { organizationalUnits: ['OU=People,DC=sales,DC=example,DC=com'] } } } }),
    /^capture of directory "corp": scope.include.organizationalUnits has "OU=People,DC=sales,.+": give one that lies in DC=corp,DC=example,DC=com/,
  ],
  [
    'an excluded unit of a child domain',
    watched({ capture: { scope: { exclude: { organizationalUnits: ['OU=People,DC=emea,DC=corp,DC=example,DC=com'] } } } }),
    /scope.exclude.organizationalUnits has "OU=People,DC=emea,DC=corp/,
  ],
  [
    'a unit without a domain',
    watched({ capture: { scope: { include: { organizationalUnits: ['OU=People'] } } } }),
    /organizationalUnits has "OU=People": give one that lies in DC=corp,DC=example,DC=com/,
  ],
  ['a filter that is none', watched({ capture: { scope: { exclude: { filter: '(cn=' } } } }), /^capture of directory "corp": .*filter/],
  ['a verification each half hour', watched({ capture: { verifyEveryHours: 0.5 } }), /verifyEveryHours must be whole hours/],
  ['a guard above all', watched({ capture: { guard: { share: 2 } } }), /share must be 0 to 1 \(got 2\)/],
  ['a setting that is none', watched({ capture: { filter: '(cn=*)' } }), /^capture of directory "corp": .*filter/],
  ['capture that is text', watched({ capture: 'all' }), /^capture of directory "corp": /],
  ['a table of actors', watched({ capture: { actorsTable: 'x' } }), /^capture of directory "corp" has actorsTable: leave it out/],
  [
    'capture known only at apply',
    watched({ capture: { attributes: ['title', `$\{TfToken[TOKEN.999]}`] } }),
    /^capture of directory "corp" is known only at apply: write it in the props/,
  ],
  [
    'a scope too long for the environment',
    watched({
      capture: {
        scope: { exclude: { groups: Array.from({ length: 100 }, (_, n) => `CN=Group ${n},OU=Groups,DC=corp,DC=example,DC=com`) } },
      },
    }),
    /^capture of directory "corp": capture settings take \d+ bytes, more than 3072: name groups by SID/,
  ],
];

test.each(wrong)('fails WHEN given %s', (_, props, message) => {
  const synth = () => synthesize(props as Partial<ActiveDirectoryIntegrationProps>);
  expect(synth).toThrow(WrongPropError);
  expect(synth).toThrow(message);
  expect(synth).toThrow(/^[a-z](?:.|\n)*[^.]$/);
});
