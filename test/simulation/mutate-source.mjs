/** Module hooks: replaces a piece of one source file as it is loaded. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const PROJECT = new URL('../../', import.meta.url);
let mutant = { file: '', from: '', to: '' };

export function initialize(data) {
  mutant = data;
}

export function load(url, context, nextLoad) {
  const [plain] = url.split('?');
  if (plain !== new URL(mutant.file, PROJECT).href) return nextLoad(url, context);
  const parts = readFileSync(fileURLToPath(plain), 'utf8').split(mutant.from);
  if (parts.length !== 2) throw new Error(`the piece to be replaced occurs ${parts.length - 1} times in ${mutant.file}`);
  const { outputText } = ts.transpileModule(parts.join(mutant.to), { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
  return { format: 'module', source: outputText, shortCircuit: true };
}
