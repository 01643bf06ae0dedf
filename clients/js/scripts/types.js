/**
 * Writes `types/` from the sources' JSDoc. With `--check` it writes nothing and fails when `types/` is not up to date.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const types = join(root, 'types');
const check = process.argv.includes('--check');
const out = check ? mkdtempSync(join(tmpdir(), 'tidegate-types-')) : types;
if (!check) rmSync(types, { recursive: true, force: true });

try {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', root, '--outDir', out], { stdio: 'inherit' });
  if (check) {
    const read = (folder) => readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]);
    if (JSON.stringify(read(out)) !== JSON.stringify(read(types))) {
      console.error('clients/js/types is not up to date: run `npm run types`');
      process.exitCode = 1;
    }
  }
} finally {
  if (check) rmSync(out, { recursive: true, force: true });
}
