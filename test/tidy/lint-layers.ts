/** Owns what the linter must be told about layers: the `no-restricted-imports` of every folder of `src`. */
import { entries, layers, layersAbove } from '#test/tidy/layers.ts';

type LintOverride = { readonly files: readonly string[]; readonly rules: Readonly<Record<string, unknown>> };

/** A browser knows no import map of ours: the modules of the web page import their neighbours by relative paths. */
const page: LintOverride = { files: ['**/src/api/web/page/**'], rules: { 'no-restricted-imports': 'off' } };

/** The overrides that belong into oxlintrc.json, in the order of the layers. */
export function layerOverrides(): LintOverride[] {
  const ofLayers = [...layers, ...entries.filter((entry) => entry !== 'bin')].map((layer) => {
    const patterns = [{ regex: '^\\.{0,2}/', message: 'Imports go through the import map: #folder/file.ts.' }];
    const above = layersAbove(layer);
    if (above.length > 0) {
      patterns.push({
        regex: `^#(?:${above.join('|')})[/.]`,
        message: `${layer} stands before it in the order of layers.`,
      });
    }
    if (layer !== 'storage') {
      patterns.push({ regex: '^(?:pg|kysely|@mikro-orm/.*)$', message: 'Only storage/ knows the database.' });
    }
    const files = [`**/src/${layer}/**`, `**/src/${layer}.ts`];
    return { files, rules: { 'no-restricted-imports': ['error', { patterns }] } };
  });
  return [...ofLayers, page];
}
