// Correctness only: the formatter is biome. Who may import whom is here for the editor, and test/house.test.ts reads
// the same tables.
import regexp from 'eslint-plugin-regexp';
import { tsImport } from 'tsx/esm/api';
import tseslint from 'typescript-eslint';

const registry = await tsImport('./providers/registry.ts', import.meta.url);

/**
 * Who may import which package. `allow` ends in `/` for a folder, in `*` for a beginning; else it is a file. Tests may
 * import everything.
 */
export const packages = [
  { names: ['ical.js'], allow: ['core/ical/'] },
  ...packagesOfProviders(),
  { names: ['oauth4webapi'], allow: ['providers/oauth/'] },
  { names: ['pg', 'drizzle-orm', 'drizzle-kit'], allow: ['db/', 'drizzle.config.ts'] },
  { names: ['prom-client'], allow: ['metrics.ts'] },
  {
    names: [
      '@opentelemetry/api',
      '@opentelemetry/exporter-trace-otlp-http',
      '@opentelemetry/resources',
      '@opentelemetry/sdk-trace-base',
    ],
    allow: ['tracing.ts'],
  },
  { names: ['fastify'], allow: ['api/', 'main.ts'], typesAreFine: true },
  {
    names: ['@temporalio/client'],
    allow: ['api/temporal/pair-control.ts', 'main.ts', 'embedded/temporal.ts', 'scripts/doctor.ts'],
    typesAreFine: true,
  },
  { names: ['@temporalio/worker'], allow: ['worker/', 'main.ts'], typesAreFine: true },
];

/** A provider's entry names the packages that only its folder may import; several providers may share one. */
function packagesOfProviders() {
  const allow = new Map();
  for (const { kind, packages: names } of Object.values(registry))
    for (const name of names) allow.set(name, [...(allow.get(name) ?? []), `providers/${kind}/`]);
  return [...allow].map(([name, folders]) => ({ names: [name], allow: folders }));
}

/**
 * The one file of `core` whose values workflows may use: constants only, so the sandbox has nothing to run, and waiting
 * times stay in one file.
 */
export const workflowConstants = 'core/waiting-times.ts';

/** Which of our folders each folder may not import. `workflows` may import only types of `activities` and `core`. */
export const folders = {
  core: ['providers', 'db', 'activities', 'workflows', 'worker', 'api', 'embedded'],
  providers: ['db', 'activities', 'workflows', 'worker', 'api', 'embedded'],
  db: ['providers', 'activities', 'workflows', 'worker', 'api', 'embedded'],
  activities: ['worker', 'api', 'embedded'],
  workflows: ['providers', 'db', 'worker', 'api', 'embedded'],
  worker: ['core', 'providers', 'api', 'embedded'],
  api: ['activities', 'worker', 'embedded'],
  embedded: ['core', 'providers', 'db', 'activities', 'workflows', 'worker', 'api'],
};

const NO_ENVIRONMENT = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Only config.ts reads the environment.',
};
const NO_DEFAULT = { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' };
const IMPURE = [
  {
    selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
    message: 'No clock here: take the time as an argument.',
  },
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'No clock here: take the time as an argument.',
  },
  { selector: "MemberExpression[object.name='Math'][property.name='random']", message: 'No randomness here.' },
];

/** For the files in `place`: a folder of ours, a folder in it that may import a package, or such a file. */
function importRules(place) {
  const [folder] = place.split('/');
  const forbidden = packages.filter(
    ({ allow }) => !allow.some((allowed) => place.startsWith(allowed.replace('*', ''))),
  );
  return [
    'error',
    {
      paths: forbidden.flatMap(({ names, typesAreFine }) =>
        names.map((name) => ({ name, message: WHO, ...(typesAreFine ? { allowTypeImports: true } : {}) })),
      ),
      patterns: [
        ...(folders[folder] ?? []).map((other) => ({
          group: [`**/${other}/**`],
          message: `${folder} may not import ${other}.`,
        })),
        ...(folder === 'core' || folder === 'workflows'
          ? [{ group: ['node:*'], message: `No Node built-ins in ${folder}.` }]
          : []),
        ...(folder === 'workflows'
          ? [
              {
                group: ['**/activities/**', '**/core/**', `!**/${workflowConstants}`],
                allowTypeImports: true,
                message: `Only types, and the constants of ${workflowConstants}.`,
              },
            ]
          : []),
      ],
    },
  ];
}

const WHO = 'See "Who may import whom" in ARCHITECTURE.md.';
const globOf = (place) => (place.endsWith('/') ? `${place}**/*.ts` : place.endsWith('*') ? `${place}.ts` : place);
/** The later wins: folders first, then what is allowed more. */
const places = [
  ...Object.keys(folders).map((folder) => `${folder}/`),
  ...new Set(packages.flatMap(({ allow }) => allow)),
];

const config = tseslint.config(
  { ignores: ['node_modules/**', '.calpair/**', 'api/console/**', 'db/migrations/**'] },
  ...tseslint.configs.recommended.map((part) => ({ ...part, files: ['**/*.ts'] })),
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          // A test is awaited by the runner.
          allowForKnownSafeCalls: [
            {
              from: 'package',
              package: 'node:test',
              name: ['test', 'it', 'describe', 'suite', 'before', 'after', 'beforeEach', 'afterEach'],
            },
          ],
        },
      ],
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { arguments: false, attributes: false, properties: false } },
      ],
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      'no-control-regex': 'error',
      'no-constant-condition': ['error', { checkLoops: false }],
      'no-empty': ['error', { allowEmptyCatch: false }],
      'no-self-compare': 'error',
      'no-template-curly-in-string': 'error',
      eqeqeq: ['error', 'always'],
      'no-console': 'off',
      'no-restricted-syntax': ['error', NO_ENVIRONMENT, NO_DEFAULT],
      '@typescript-eslint/no-restricted-imports': importRules(''),
    },
  },
  ...places.map((place) => ({
    files: [globOf(place)],
    rules: { '@typescript-eslint/no-restricted-imports': importRules(place) },
  })),
  {
    files: ['core/**/*.ts', 'workflows/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', NO_ENVIRONMENT, NO_DEFAULT, ...IMPURE] },
  },
  // Anybody can put text into a synced calendar: no pattern of the product may take more than linear time.
  {
    files: ['**/*.ts', '**/*.js', '**/*.mjs'],
    ignores: ['test/**', 'demo/**'],
    plugins: { regexp },
    rules: {
      'regexp/no-super-linear-backtracking': ['error', { report: 'potential' }],
      'regexp/no-super-linear-move': ['error', { report: 'potential' }],
    },
  },
  { files: ['config.ts'], rules: { 'no-restricted-syntax': ['error', NO_DEFAULT] } },
  // The demo is a big test for people: it uses the fakes, and may import what tests may.
  {
    files: ['test/**/*.ts', 'demo/**/*.ts'],
    rules: { 'no-restricted-syntax': 'off', '@typescript-eslint/no-restricted-imports': 'off' },
  },
);

export { config as default };
