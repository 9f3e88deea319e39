/**
 * Module hooks that load the project's own files as plain JavaScript, a third faster than `tsx`, and replace a piece of
 * code in one of them. What was compiled is kept by its content: a test run starts about a hundred such processes, and
 * compiling took longer than most of them play.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { replaceCode } from './replace-code.mjs';

const PROJECT = new URL('../../', import.meta.url);
const CACHE = new URL('node_modules/.cache/simulation/', PROJECT);
const require = createRequire(import.meta.url);
const { version } = require('typescript/package.json');
/** @type {{ file: string, from: string, to: string } | null} */
let mutant = null;

export function initialize(data) {
  mutant = data;
}

export function load(url, context, nextLoad) {
  const [plain] = url.split('?');
  if (!plain.startsWith(PROJECT.href) || !plain.endsWith('.ts') || plain.includes('/node_modules/'))
    return nextLoad(url, context);
  const isMutant = mutant !== null && plain === new URL(mutant.file, PROJECT).href;
  const text = readFileSync(fileURLToPath(plain), 'utf8');
  return {
    format: 'module',
    source: compiled(isMutant ? replaceCode(text, mutant.from, mutant.to) : text),
    shortCircuit: true,
  };
}

function compiled(text) {
  const kept = new URL(`${createHash('sha256').update(`${version}\n${text}`).digest('hex')}.js`, CACHE);
  try {
    return readFileSync(kept, 'utf8');
  } catch {
    const source = compile(text);
    mkdirSync(CACHE, { recursive: true });
    // Several processes may write the same file.
    const part = new URL(`${kept.href}.${process.pid}`);
    writeFileSync(part, source);
    renameSync(part, kept);
    return source;
  }
}

function compile(text) {
  const ts = require('typescript');
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}
