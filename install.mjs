/**
 * Plain JavaScript, so that it runs before any package is there: installs what package-lock.json names, if anything of
 * it is missing.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT_DIR = dirname(fileURLToPath(import.meta.url));

/**
 * No install script of a package is run: none is needed here, and npm blocks them more and more.
 * @param {{ forDevelopment: boolean }} options whether the tools for tests count as needed
 */
export async function installPackages({ forDevelopment }) {
  refuseOldNode();
  if (isComplete(forDevelopment)) return;
  console.log('Installing the packages that package-lock.json names (first start only, about half a minute): npm ci');
  const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const [program, ...args] = [...npm, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const child = spawn(program, args, { cwd: PROJECT_DIR, stdio: 'inherit' });
  const stop = (signal) => {
    child.kill(signal);
    process.exit(0);
  };
  process.on('SIGTERM', stop).on('SIGINT', stop);
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.code));
    child.once('close', (exitCode, signal) => resolve(exitCode ?? signal));
  });
  process.off('SIGTERM', stop).off('SIGINT', stop);
  if (code !== 0) {
    console.error(
      `npm could not install the packages (${code}). Check the network and the npm registry, then start again.`,
    );
    process.exit(1);
  }
}

/** npm writes its own list of what is installed last of all, so an interrupted installation has none. */
function isComplete(forDevelopment) {
  const installed = join(PROJECT_DIR, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const wanted = Object.entries(readJson(join(PROJECT_DIR, 'package-lock.json')).packages);
  const present = readJson(installed).packages;
  return wanted.every(
    ([name, { version, optional, dev, devOptional }]) =>
      name === '' || optional || ((dev || devOptional) && !forDevelopment) || present[name]?.version === version,
  );
}

const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `Calpair needs Node.js 20.19 or later; this is ${process.versions.node}. Install a newer ` +
      'one from https://nodejs.org',
  );
  process.exit(1);
}
