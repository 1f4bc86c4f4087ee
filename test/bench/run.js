/** Owns the way into the benchmark: one sentence on a Node that cannot run TypeScript, else `main`. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 12)) {
  console.error(`The benchmark needs Node 24.12 or newer, this is ${process.version}: start it with "npm run bench".`);
  process.exitCode = 2;
} else {
  const { main } = await import('#test/bench/main.ts');
  await main(process.argv.slice(2));
}
