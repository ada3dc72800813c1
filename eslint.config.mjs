import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import jsdoc from 'eslint-plugin-jsdoc';
import tseslint from 'typescript-eslint';

// A path of dots alone that ends in index.js: the public surface. tokens/index.js is imported with its folder.
const ROOT_INDEX = '^(\\.\\.?/)+index\\.js$';
// The command line stands on everything and carries nothing.
const CLI = '(^|/)cli/';
// Plain Node cannot load it, nor what imports it.
const CLOUDFLARE = '^cloudflare:';
const OBJECT_CLASSES = 'src/durable-objects/{rate-limiter,lock,counter,session}-object.ts';

const SYNTAX = [
  { selector: 'TSEnumDeclaration', message: 'Use a string union.' },
  { selector: 'ExportDefaultDeclaration', message: 'Use a named export.' },
  { selector: 'ExportAllDeclaration', message: 'Name what is exported.' },
];

/** Direction of imports (docs/decisions/0002): what the files of a folder may not reach. */
function forbid(files, groups, message, typesOnly = []) {
  return {
    files,
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            { group: groups, message },
            { regex: ROOT_INDEX, message },
            { regex: CLI, message },
            ...(files.includes(OBJECT_CLASSES) ? [] : [{ regex: CLOUDFLARE, message }]),
            ...typesOnly.map((name) => ({ group: [name], allowTypeImports: true, message })),
          ],
        },
      ],
    },
  };
}

const direction =
  'errors, events <- durable-objects <- clients, sinks <- decorators, providers, adapters, cli; providers <- entries; nobody imports src/index.ts or src/cli, ' +
  'and cloudflare:workers is for the object classes alone.';
const BENEATH_OBJECTS = [
  '**/decorators/**',
  '**/providers/**',
  '**/tokens/**',
  '**/testing/**',
  '**/adapters/**',
  '**/sinks/**',
  '**/clients/**',
];

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      'docs-site/**',
      'coverage/**',
      '**/node_modules/**',
      '.cache/**',
      'examples/*/dist/**',
      'examples/worker/public/vendor/**',
      'examples/sveltekit/**',
      'bench/**',
      '__tests__/install/fixtures/**',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'prefer-const': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    plugins: { jsdoc },
    settings: { jsdoc: { mode: 'typescript' } },
    rules: {
      'max-lines': ['error', { max: 300 }],
      'max-lines-per-function': ['error', { max: 50, skipComments: true }],
      'max-params': ['error', { max: 4 }],
      'max-depth': ['error', { max: 3 }],
      complexity: ['error', { max: 12 }],
      'no-restricted-syntax': [
        'error',
        ...SYNTAX,
        { selector: 'ImportDeclaration[source.value=/^node:/]', message: 'src runs in workerd without flags.' },
      ],
      'jsdoc/require-jsdoc': [
        'error',
        {
          publicOnly: true,
          enableFixer: false,
          require: { ClassDeclaration: true, FunctionDeclaration: true, MethodDefinition: true },
          contexts: ['TSInterfaceDeclaration', 'TSTypeAliasDeclaration', 'VariableDeclaration'],
          checkConstructors: false,
        },
      ],
      'jsdoc/require-description': ['error', { contexts: ['any'] }],
      'jsdoc/check-tag-names': ['error', { definedTags: ['throws', 'default'] }],
      'jsdoc/check-param-names': ['error', { checkDestructured: false }],
      'jsdoc/no-types': 'off',
    },
  },
  {
    // Entries of the package, which the rules below do not know.
    files: ['src/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [{ regex: CLI, message: direction }] }],
    },
  },
  {
    // Runs in Node alone, or asks for a compatibility flag.
    files: ['src/cli/**/*.ts', 'src/ambient.ts'],
    rules: { 'no-restricted-syntax': ['error', ...SYNTAX] },
  },
  forbid(
    ['src/cli/**/*.ts'],
    [
      '**/decorators/**',
      '**/providers/**',
      '**/tokens/**',
      '**/testing/**',
      '**/adapters/**',
      '**/sinks/**',
      '**/internal/**',
    ],
    'cli imports clients and errors.',
  ),
  {
    // The documented face of what is in other files.
    files: ['src/clients/r2/r2-client.ts'],
    rules: { 'max-lines': ['error', { max: 300, skipComments: true, skipBlankLines: true }] },
  },
  {
    // A table of contents is as long as what it lists.
    files: ['src/index.ts'],
    rules: { 'max-lines': 'off' },
  },
  forbid(
    ['src/errors.ts', 'src/events.ts'],
    ['**/clients/**', '**/decorators/**', '**/providers/**', '**/tokens/**', '**/testing/**', '**/sinks/**'],
    direction,
  ),
  forbid(['src/durable-objects/**/*.ts'], BENEATH_OBJECTS, direction),
  forbid([OBJECT_CLASSES], BENEATH_OBJECTS, direction),
  forbid(
    ['src/sinks/**/*.ts'],
    ['**/clients/**', '**/decorators/**', '**/providers/**', '**/tokens/**', '**/testing/**', '**/adapters/**'],
    direction,
  ),
  forbid(
    ['src/adapters/**/*.ts'],
    ['**/decorators/**', '**/providers/**', '**/tokens/**', '**/testing/**', '**/sinks/**'],
    direction,
  ),
  forbid(
    ['src/clients/**/*.ts', 'src/internal/**/*.ts'],
    ['**/decorators/**', '**/providers/**', '**/tokens/**', '**/testing/**', '**/adapters/**', '**/sinks/**'],
    direction,
    ['tsyringe'],
  ),
  forbid(['src/decorators/**/*.ts'], ['**/providers/**', '**/testing/**', '**/adapters/**', '**/sinks/**'], direction),
  forbid(['src/providers/**/*.ts'], ['**/testing/**', '**/adapters/**', '**/entries/**'], direction),
  // What the entries for frameworks share: frameworks and tsyringe are known by their shapes alone, so that each entry loads nothing of another.
  forbid(
    ['src/entries/**/*.ts'],
    [
      '**/decorators/**',
      '**/tokens/**',
      '**/testing/**',
      '**/adapters/**',
      '**/sinks/**',
      '**/durable-objects/**',
      '../*.js',
      '!../errors.js',
      '!../events.js',
    ],
    'entries import providers, clients, errors and internal; frameworks by their shapes.',
    ['tsyringe', 'hono', 'hono/*', '@sveltejs/*'],
  ),
  {
    files: ['src/tokens/**/*.ts', 'src/testing/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['**/clients/**', '**/decorators/**', '**/providers/**', '**/tokens/**', 'tsyringe'],
              allowTypeImports: true,
              message: 'tokens and testing import types only.',
            },
            { regex: ROOT_INDEX, message: direction },
            { regex: CLI, message: direction },
            { regex: CLOUDFLARE, message: direction },
          ],
        },
      ],
    },
  },
  {
    files: ['__tests__/**/*.ts', 'examples/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
    },
  },
  {
    // Compiled and never run: what matters there is which lines do not compile.
    files: ['__tests__/types/*.ts'],
    rules: {
      '@typescript-eslint/ban-ts-comment': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-unused-vars': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        module: 'writable',
        URL: 'readonly',
        fetch: 'readonly',
        require: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        Buffer: 'readonly',
      },
      parserOptions: { projectService: false, program: null },
    },
    rules: {
      ...tseslint.configs.disableTypeChecked.rules,
      'no-console': 'off',
      '@typescript-eslint/no-require-imports': 'off',
    },
  },
  prettier,
);
