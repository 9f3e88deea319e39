/** The house rules: walks every file and every import, and names each line that breaks a rule. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { PROJECT_DIR } from '../config.ts';
import { ENTRIES } from '../providers/entries.ts';

interface House {
  readonly packages: readonly { names: readonly string[]; allow: readonly string[]; typesAreFine?: boolean }[];
  readonly folders: Readonly<Record<string, readonly string[]>>;
  readonly workflowConstants: string;
}
/** The same tables that the linter uses. */
const { packages, folders, workflowConstants } = (await import(
  new URL('../eslint.config.js', import.meta.url).href
)) as House;

const MAX_LINES = 400;
const MAX_LINE_LENGTH = 120;
const FORBIDDEN_NAMES = /^(utils?|helpers?|types|common|interfaces|misc|shared)\.ts$/;
const code = readdirSync(PROJECT_DIR, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.(ts|mjs|js|css)$/.test(path) && !/^(node_modules|\.calpair|\.git)\b/.test(path))
  .sort();
const files = code.filter((path) => path.endsWith('.ts'));
const sources = new Map(files.map((path) => [path, parse(path)]));
/** The demo is a big test for people, and may use what tests may. */
const ours = files.filter((path) => !/^(test|demo)\//.test(path));

test('files are found at all, and imports in them', () => {
  assert.ok(files.length > 20, `${files.length} files`);
  assert.ok(files.flatMap(importsOf).length > 100);
});

test('folders import only what they may', () => {
  expectNone(
    ours.flatMap((path) =>
      importsOf(path).flatMap(({ line, from, isType }) => {
        const target = from.startsWith('.') ? normalize(join(dirname(path), from)) : null;
        const [folder = '', place] = [path.split('/')[0], target?.split('/')[0] ?? ''];
        if (target?.startsWith('test/')) return [`${path}:${line} imports tests`];
        if (folders[folder]?.includes(place ?? '')) return [`${path}:${line} ${folder} imports ${place}`];
        if (
          folder === 'workflows' &&
          ['core', 'activities'].includes(place ?? '') &&
          !isType &&
          target !== workflowConstants
        )
          return [`${path}:${line} workflows imports more than types of ${place}`];
        if (place === 'embedded' && !/^(main\.ts$|embedded\/|scripts\/doctor)/.test(path))
          return [`${path}:${line} only main.ts and the doctor import embedded`];
        return [];
      }),
    ),
  );
});

test('packages are imported only where they belong', () => {
  expectNone(
    ours.flatMap((path) =>
      importsOf(path).flatMap(({ line, from, isType }) => {
        if (from.startsWith('node:') && /^(core|workflows)\//.test(path)) return [`${path}:${line} imports ${from}`];
        const rule = packages.find(({ names }) => names.some((name) => from === name || from.startsWith(`${name}/`)));
        if (rule === undefined || (rule.typesAreFine === true && isType)) return [];
        return rule.allow.some((place) =>
          /[/*]$/.test(place) ? path.startsWith(place.replace('*', '')) : path === place,
        )
          ? []
          : [`${path}:${line} imports ${from}`];
      }),
    ),
  );
});

test('only config.ts reads the environment', () => {
  expectNone(
    ours
      .filter((path) => path !== 'config.ts')
      .flatMap((path) =>
        linesWith(
          path,
          (node) =>
            ts.isPropertyAccessExpression(node) && node.name.text === 'env' && node.expression.getText() === 'process',
          'process.env',
        ),
      ),
  );
});

test('core and workflows have no clock and no randomness', () => {
  expectNone(
    ours
      .filter((path) => /^(core|workflows)\//.test(path))
      .flatMap((path) =>
        linesWith(
          path,
          (node) =>
            (ts.isPropertyAccessExpression(node) &&
              ['Date.now', 'Math.random', 'performance.now', 'crypto.randomUUID'].includes(node.getText())) ||
            (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0),
          'a clock or randomness',
        ),
      ),
  );
});

test('named exports only', () => {
  expectNone(
    ours
      .filter((path) => path !== 'drizzle.config.ts')
      .flatMap((path) =>
        linesWith(
          path,
          (node) =>
            ts.isExportAssignment(node) ||
            (ts.isExportSpecifier(node) && node.name.text === 'default') ||
            (ts.canHaveModifiers(node) &&
              (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)),
          'a default export',
        ),
      ),
  );
});

test('files are named after the one thing inside, in kebab-case, and stay short', () => {
  expectNone(
    ours.flatMap((path) => {
      const name = path.slice(path.lastIndexOf('/') + 1);
      const lines = readFileSync(join(PROJECT_DIR, path), 'utf8').split('\n').length - 1;
      return [
        ...(FORBIDDEN_NAMES.test(name) ? [`${path} says nothing about what is inside`] : []),
        ...(/^[a-z0-9]+(-[a-z0-9]+)*(\.config)?\.ts$/.test(name) ? [] : [`${path} is not in kebab-case`]),
        ...(lines > MAX_LINES ? [`${path} has ${lines} lines; ${MAX_LINES} are allowed`] : []),
      ];
    }),
  );
});

test('no line of code is too long', () => {
  expectNone(
    code.flatMap((path) =>
      readFileSync(join(PROJECT_DIR, path), 'utf8')
        .split('\n')
        .flatMap((line, index) => {
          const { length } = [...line];
          return length > MAX_LINE_LENGTH ? [`${path}:${index + 1} has ${length} characters`] : [];
        }),
    ),
  );
});

test('the image has every product file, and npm run dev watches those beside the folders', () => {
  const read = (name: string): string => readFileSync(join(PROJECT_DIR, name), 'utf8');
  const inImage = read('.dockerignore').split('\n');
  const watched = read('package.json');
  const product = ours.filter((path) => path !== 'drizzle.config.ts').map((path) => path.split('/')[0] ?? '');
  expectNone(
    [...new Set(product)].flatMap((name) => [
      ...(inImage.includes(`!${name}`) ? [] : [`.dockerignore leaves out ${name}`]),
      ...(name.endsWith('.ts') && !watched.includes(`--watch-path=${name} `)
        ? [`package.json: dev leaves out ${name}`]
        : []),
    ]),
  );
});

test('every provider is in the registry', () => {
  const inFolders = files.flatMap((path) => /^providers\/([^/]+)\/index\.ts$/.exec(path)?.[1] ?? []);
  assert.deepEqual(ENTRIES.map(({ kind }) => kind).sort(), inFolders.sort());
});

test('nothing that is committed names a place of this machine', () => {
  // A project straight under the root has a name that may stand anywhere.
  expectNone(
    PROJECT_DIR.split('/').length < 3
      ? []
      : files.flatMap((path) =>
          readFileSync(join(PROJECT_DIR, path), 'utf8')
            .split('\n')
            .flatMap((text, index) =>
              text.includes(`${PROJECT_DIR}/`) ? [`${path}:${index + 1} names the folder it lies in`] : [],
            ),
        ),
  );
});

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, readFileSync(join(PROJECT_DIR, path), 'utf8'), ts.ScriptTarget.Latest, true);
}

interface Import {
  readonly line: number;
  readonly from: string;
  readonly isType: boolean;
}

/** Static and dynamic imports, and re-exports. `isType`: nothing of it is left at run time. */
function importsOf(path: string): Import[] {
  const found: Import[] = [];
  visit(path, (node, line) => {
    if (
      (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
      node.moduleSpecifier !== undefined &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      found.push({ line, from: node.moduleSpecifier.text, isType: isTypeOnly(node) });
    }
    const [argument] =
      ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword ? node.arguments : [];
    if (argument !== undefined && ts.isStringLiteral(argument))
      found.push({ line, from: argument.text, isType: false });
  });
  return found;
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  return (
    clause.name === undefined &&
    named !== undefined &&
    ts.isNamedImports(named) &&
    named.elements.every((element) => element.isTypeOnly)
  );
}

function linesWith(path: string, matches: (node: ts.Node) => boolean, what: string): string[] {
  const found: string[] = [];
  visit(path, (node, line) => {
    if (matches(node)) found.push(`${path}:${line} has ${what}`);
  });
  return found;
}

function visit(path: string, look: (node: ts.Node, line: number) => void): void {
  const source = sources.get(path);
  const walk = (node: ts.Node): void => {
    look(node, (source?.getLineAndCharacterOfPosition(node.getStart()).line ?? 0) + 1);
    ts.forEachChild(node, walk);
  };
  if (source !== undefined) walk(source);
}

function expectNone(broken: readonly string[]): void {
  assert.equal(broken.length, 0, `\n${broken.join('\n')}`);
}
