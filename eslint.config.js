/**
 * The linter: it finds what the compiler does not, above all a promise that nobody waits for. How code is laid out is
 * left to people, but for the width of a line: a formatter would pull the command records apart.
 */
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const lineWidth = ['error', { code: 120, ignoreStrings: true, ignoreTemplateLiterals: true, ignoreUrls: true }];

export default tseslint.config(
  { ignores: ['build/', 'coverage/', 'dist/', 'data/', 'node_modules/'] },
  js.configs.recommended,
  { rules: { 'max-len': lineWidth } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { noInlineConfig: true },
    rules: {
      // Where an index is known to be inside, `!` says so; the compiler asks for it (noUncheckedIndexedAccess).
      '@typescript-eslint/no-non-null-assertion': 'off',
      // `return reply.nil()` is how a handler leaves early.
      '@typescript-eslint/no-confusing-void-expression': [
        'error', { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
);
