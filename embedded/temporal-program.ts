/** Finds or installs the `temporal` program. It has about 250 MB, so all clones share one in the user's cache. */
import { execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { EnvHttpProxyAgent, fetch } from 'undici';
import { ConfigError, environmentWith } from '../config.ts';

type Print = (line: string) => void;

const VERSION = 'v1.5.1';
const GO_PACKAGE = `github.com/temporalio/cli/cmd/temporal@${VERSION}`;
/** From where Temporal's SDKs download their test server. */
const DOWNLOAD = `https://temporal.download/cli/${VERSION}`;

/**
 * In this order: on the PATH, in the cache, downloaded, built with Go.
 * @throws ConfigError that names what to install, when none works
 */
export async function findTemporalProgram(cacheDir: string, print: Print, signal?: AbortSignal): Promise<string> {
  const cached = join(cacheDir, 'bin', 'temporal');
  for (const program of ['temporal', cached]) {
    if (await works(program)) return program;
    signal?.throwIfAborted();
  }
  mkdirSync(join(cacheDir, 'bin'), { recursive: true });
  const reasons: string[] = [];
  for (const install of [download, buildWithGo]) {
    const folder = mkdtempSync(join(cacheDir, 'bin', '.new-'));
    try {
      await install(folder, print, signal);
      chmodSync(join(folder, 'temporal'), 0o755);
      if (!(await works(join(folder, 'temporal')))) throw new Error('the program does not run on this machine');
      // In one step, so that no process runs half of it.
      renameSync(join(folder, 'temporal'), cached);
      print(`Kept the Temporal server in ${cached}.`);
      return cached;
    } catch (error) {
      signal?.throwIfAborted();
      reasons.push(
        `${install === download ? 'Downloading it' : 'Building it with Go'} failed: ${(error as Error).message}`,
      );
      print(reasons.at(-1) ?? '');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  throw new ConfigError(
    [
      'There is no Temporal server on this machine, and none can be installed:',
      ...reasons.map((reason) => `  ${reason}`),
      'Install the Temporal CLI (https://docs.temporal.io/cli) so that "temporal" is on the PATH, or Go 1.25 or later,',
      'or set TEMPORAL_ADDRESS to a Temporal service.',
    ].join('\n'),
  );
}

async function works(program: string): Promise<boolean> {
  if (program.includes('/') && !existsSync(program)) return false;
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { timeout: 30_000, env: environmentWith({}) });
    return stdout.includes('Server ');
  } catch {
    return false;
  }
}

/** Gives up after 10 s without an answer: many installations can reach only a package mirror. */
async function download(folder: string, print: Print, signal: AbortSignal | undefined): Promise<void> {
  print('Downloading the Temporal server (first start only) ...');
  const dispatcher = new EnvHttpProxyAgent({
    connect: { timeout: 10_000 },
    headersTimeout: 10_000,
    bodyTimeout: 30_000,
  });
  const within = (milliseconds: number) =>
    AbortSignal.any([AbortSignal.timeout(milliseconds), ...(signal ? [signal] : [])]);
  try {
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    const about = await fetch(`${DOWNLOAD}?arch=${arch}&platform=${process.platform}&format=tar.gz`, {
      dispatcher,
      signal: within(10_000),
    });
    if (!about.ok) throw new Error(`HTTP ${about.status}`);
    const { archiveUrl, fileToExtract } = (await about.json()) as { archiveUrl: string; fileToExtract: string };
    if (!archiveUrl.startsWith('https://') || fileToExtract !== 'temporal') throw new Error('unexpected answer');
    const archive = await fetch(archiveUrl, { dispatcher, signal: within(10 * 60_000) });
    if (!archive.ok || archive.body === null) throw new Error(`HTTP ${archive.status}`);
    const tar = spawn('tar', ['-xzf', '-', '-C', folder, fileToExtract], { stdio: ['pipe', 'ignore', 'ignore'] });
    const done = ended(tar);
    await Promise.all([pipeline(Readable.fromWeb(archive.body), tar.stdin), done]);
  } catch (error) {
    const { message, cause } = error as Error & { cause?: Error };
    throw new Error(cause === undefined ? message : cause.message);
  } finally {
    await dispatcher.destroy();
  }
}

async function buildWithGo(folder: string, print: Print, signal: AbortSignal | undefined): Promise<void> {
  print(`Building the Temporal server with Go (first start only, about 3 minutes): go install ${GO_PACKAGE}`);
  const go = spawn('go', ['install', GO_PACKAGE], {
    env: environmentWith({ GOBIN: folder, CGO_ENABLED: '0' }),
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal ? { signal } : {}),
  });
  let fetched = 0;
  let last = '';
  go.stderr.setEncoding('utf8').on('data', (text: string) => {
    fetched += text.split('go: downloading').length - 1;
    last = (last + text).slice(-1000);
  });
  let seconds = 0;
  const progress = setInterval(
    () => print(`  still building (${(seconds += 15)} s, ${fetched} Go modules fetched) ...`),
    15_000,
  );
  const limit = setTimeout(() => go.kill(), 60 * 60_000);
  try {
    await ended(go);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? new Error('Go is not installed')
      : new Error(`${(error as Error).message}: ${last.trim().split('\n').slice(-3).join(' | ')}`);
  } finally {
    clearInterval(progress);
    clearTimeout(limit);
  }
}

function ended(child: ReturnType<typeof spawn>): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(signal ?? `exit code ${code}`));
    });
  });
}
