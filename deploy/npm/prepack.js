/** Owns what `npm pack` does first: JavaScript out of TypeScript, file by file, since Node strips no types in packages. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import nodeModule from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findBundledNode, isNewEnough, nodeNeeded } from '#find-node.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const dist = path.join(root, 'dist');

if (isNewEnough(process.versions.node)) writeDist();
else {
  const node = findBundledNode();
  if (node === undefined) throw new Error(nodeNeeded());
  process.exitCode = spawnSync(node, [fileURLToPath(import.meta.url)], { stdio: 'inherit' }).status ?? 1;
}

function writeDist() {
  rmSync(dist, { recursive: true, force: true });
  stripFolder(path.join(root, 'src'), dist);
  stripFolder(path.join(root, 'migrations'), path.join(dist, 'migrations'));
  copyPage(path.join(root, 'src/api/web/page'), path.join(dist, 'api/web/page'));
  // The imports of the sources stay as they are: this is the nearest package.json, and says where they lead.
  const scope = { type: 'module', imports: { '#migrations/*.ts': './migrations/*.js', '#*.ts': './*.js' } };
  writeFileSync(path.join(dist, 'package.json'), `${JSON.stringify(scope, null, 2)}\n`);
}

/**
 * @param {string} from
 * @param {string} to
 */
function stripFolder(from, to) {
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || /\.(?:test|d)\.ts$/.test(entry.name)) continue;
    const source = path.join(entry.parentPath, entry.name);
    const target = path.join(to, path.relative(from, source)).replace(/\.ts$/, '.js');
    mkdirSync(path.dirname(target), { recursive: true });
    // Types become blanks, so that the places in stack traces are those of the sources.
    writeFileSync(target, nodeModule.stripTypeScriptTypes(readFileSync(source, 'utf8')));
  }
}

/**
 * The web page is what a browser runs as it is; its types are for the checks alone.
 * @param {string} from
 * @param {string} to
 */
function copyPage(from, to) {
  for (const name of readdirSync(from)) {
    if (/\.(?:js|css|html|svg)$/.test(name)) cpSync(path.join(from, name), path.join(to, name));
  }
}
