/** Makes a report of who holds what, signs it off, and says whether one was signed off. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CommandError, errorText, UsageError } from '../../platform/command-errors.ts';
import { plain } from '../../platform/plain-text.ts';
import { type ReadableReview, readReview } from '../access-review.ts';
import {
  accessReviewSignedOff,
  isSignedBy,
  publicKeyOf,
  readSignOff,
  type SignOff,
  signedSignOff,
  signOffFile,
  signOffText,
} from '../sign-off.ts';
import { findDeployment, type ReviewDeployment } from './deployment.ts';
import { parseCommandLine, type ReviewCommandLine, usage } from './options.ts';
import { summary } from './report.ts';

export interface ReviewCommandSurroundings {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  readonly now: () => Date;
}

export const exitCodes = { done: 0, refused: 1, usage: 2 } as const;

type LineOf<Action> = Extract<ReviewCommandLine, { readonly action: Action }>;

/** @returns the exit code */
export async function accessReviewCommand(args: readonly string[], surroundings: ReviewCommandSurroundings): Promise<number> {
  try {
    const line = parseCommandLine(args);
    if (line === 'help') surroundings.out(usage);
    else if (line.action === 'check') await check(line, surroundings);
    else await withDeployment(line, (found) => (line.action === 'generate' ? generate : signOff)(found, line as never, surroundings));
    return exitCodes.done;
  } catch (error) {
    surroundings.error(errorText(error, usage));
    return error instanceof UsageError ? exitCodes.usage : exitCodes.refused;
  }
}

async function withDeployment<T>({ prefix, environment }: ReviewCommandLine, work: (found: ReviewDeployment) => Promise<T>): Promise<T> {
  const found = await findDeployment(prefix, environment);
  try {
    return await work(found);
  } finally {
    found.close();
  }
}

async function generate(found: ReviewDeployment, { out, json }: LineOf<'generate'>, surroundings: ReviewCommandSurroundings) {
  // Before a report is made that nobody could write down.
  if (out !== undefined) await mkdir(out, { recursive: true }).catch(unwritable(out));
  const made = await found.generate();
  const written: string[] = [];
  if (out !== undefined) {
    for (const key of made.files) {
      const file = join(out, basename(key));
      await writeFile(file, await objectAt(found, key)).catch(unwritable(out));
      written.push(file);
    }
  }
  surroundings.out(json ? `${JSON.stringify({ ...made, written })}\n` : summary(made, written));
}

const unwritable =
  (out: string) =>
  (cause: unknown): never => {
    throw new CommandError(`--out ${out} cannot be written (${(cause as NodeJS.ErrnoException).code}): give a folder`, { cause });
  };

async function signOff(found: ReviewDeployment, line: LineOf<'sign-off'>, { out, now }: ReviewCommandSurroundings): Promise<void> {
  const { review, sha256 } = await reportAt(line.report, found);
  if (review.deployment !== found.name)
    throw new CommandError(`the report is of ${plain(review.deployment)}, not of ${found.name}: give its --environment and --prefix`);
  const made = await madeHash(found, review.report);
  if (made !== sha256) throw new CommandError(`${line.report} is not as it was made: its hash is ${sha256}, ${made} was written`);
  const { report, deployment, counts } = review;
  const { by, note, json } = line;
  const word: SignOff = {
    ...{ deployment, report, sha256, counts, by, signer: await found.caller(), at: now().toISOString() },
    ...(note === undefined ? {} : { note }),
  };
  const signed = signedSignOff(word, await found.sign(signOffText(word)));
  // The event first: what the trail does not know was not signed off.
  await found.publish([accessReviewSignedOff(signed)]);
  await found.write(signOffKey(report), signOffFile(signed));
  out(json ? `${JSON.stringify(word)}\n` : `${report} is signed off by ${plain(by)} (${word.signer})\nsha256 ${sha256}\n`);
}

async function check(line: LineOf<'check'>, { out }: ReviewCommandSurroundings): Promise<void> {
  const { report, signOff: file, publicKey, json } = line;
  const isFile = (await stat(report).catch(() => undefined))?.isFile() ?? false;
  const said = async (found: ReviewDeployment | undefined): Promise<void> => {
    const { review, sha256 } = await reportAt(report, found);
    const signed = readSignOff((file === undefined ? await signOffOf(found, review) : await fileAt('--sign-off', file)).toString('utf8'));
    if (signed === undefined) throw new CommandError(`the sign-off of ${plain(review.report)} cannot be read: sign the report off again`);
    const key = publicKey === undefined ? publicKeyOf(await deployed(found).publicKey()) : await keyFrom(publicKey);
    const { signOff: word } = signed;
    if (!isSignedBy(signed, key)) throw new CommandError(`NOT SIGNED OFF: the signature of ${plain(word.by)} is not the approval key's`);
    if (word.sha256 !== sha256 || word.report !== review.report || word.deployment !== review.deployment)
      throw new CommandError(
        `NOT SIGNED OFF: ${plain(word.by)} signed ${plain(word.report)} with hash ${word.sha256}, this one has ${sha256}`,
      );
    out(
      json
        ? `${JSON.stringify(word)}\n`
        : `signed off by ${plain(word.by)} (${word.signer}) at ${word.at}\nsha256 ${sha256}\n${noted(word)}`,
    );
  };
  if (isFile && file !== undefined && publicKey !== undefined) await said(undefined);
  else await withDeployment(line, said);
}

const noted = ({ note }: SignOff): string => (note === undefined ? '' : `note   ${plain(note)}\n`);

const signOffKey = (report: string): string => `${report}.sign-off.json`;

function deployed(found: ReviewDeployment | undefined): ReviewDeployment {
  if (found === undefined) throw new CommandError('this needs a deployment: give its --environment and --prefix');
  return found;
}

async function signOffOf(found: ReviewDeployment | undefined, { report }: ReadableReview): Promise<Buffer> {
  const text = await deployed(found).read(signOffKey(report));
  if (text === undefined) throw new CommandError(`NOT SIGNED OFF: there is no ${plain(signOffKey(report))} in the reports bucket`);
  return text;
}

/** @throws CommandError for what is no report, or not in the one form that it was written in */
async function reportAt(place: string, found: ReviewDeployment | undefined) {
  const isFile = (await stat(place).catch(() => undefined))?.isFile() ?? false;
  const bytes = isFile ? await readFile(place) : await objectAt(deployed(found), place);
  const read = readReview(bytes);
  if (read === undefined) throw new CommandError(`${place} is no report, or an altered one: give the JSON file as it was written`);
  return read;
}

async function objectAt(found: ReviewDeployment, key: string): Promise<Buffer> {
  const bytes = await found.read(key);
  if (bytes === undefined)
    throw new CommandError(`there is neither a file nor an object ${plain(key)}: give the JSON file of a report, or its key`);
  return bytes;
}

/** The hash that review-access wrote beside the report, which it alone may. */
async function madeHash(found: ReviewDeployment, report: string): Promise<string> {
  const sums = (await objectAt(found, `${report}.sha256`)).toString('utf8');
  const hash = /^(?<hash>[0-9a-f]{64}) {2}\S+\.json$/m.exec(sums)?.groups?.hash;
  if (hash === undefined) throw new CommandError(`${plain(report)}.sha256 names no JSON file: generate a report anew`);
  return hash;
}

async function fileAt(option: string, path: string): Promise<Buffer> {
  return await readFile(path).catch((cause: unknown) => {
    throw new CommandError(`${option} ${path} cannot be read: give a file`, { cause });
  });
}

async function keyFrom(path: string): Promise<KeyObject> {
  const pem = (await fileAt('--public-key', path)).toString('utf8');
  if (/PRIVATE KEY/.test(pem)) throw new CommandError(`--public-key ${path} holds a private key: give its public half`);
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new CommandError(`--public-key ${path} is no public key in PEM form: export it with "aws kms get-public-key"`, { cause });
  }
}
