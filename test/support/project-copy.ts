/** A copy of the project for tests that change its files. */
import { cpSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { PROJECT_DIR } from '../../config.ts';

/** A new folder with every file but the history; the packages are those of the project. */
export function copyProject(): string {
  const folder = mkdtempSync(join(tmpdir(), 'calpair-copy-'));
  const left = ['node_modules', '.git', '.calpair'];
  cpSync(PROJECT_DIR, folder, { recursive: true, filter: (path) => !left.includes(relative(PROJECT_DIR, path)) });
  symlinkSync(join(PROJECT_DIR, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}
