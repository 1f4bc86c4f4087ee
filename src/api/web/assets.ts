/** Owns the files of the web page: read once, served from memory, under a policy that lets the page load nothing else. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { HttpAnswer } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';

const contentTypes: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** Everything that there is to serve, so that no path of a request ever reaches the file system. */
const pageFiles = [
  'account-forms.js',
  'chat.js',
  'client.js',
  'composer.js',
  'dialogs.js',
  'dom.js',
  'event-text.js',
  'icon.svg',
  'index.html',
  'invitation.js',
  'main.js',
  'message.js',
  'room-list.js',
  'room-view.js',
  'rooms.js',
  'search.js',
  'style.css',
  'sync.js',
] as const;

const securityHeaders = {
  'Content-Security-Policy': [
    "default-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join('; '),
  'X-Frame-Options': 'DENY',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

type Asset = { readonly bytes: Buffer; readonly headers: Readonly<Record<string, string>> };

let assets: ReadonlyMap<string, Asset> | undefined;

/** On first use: a server that is only asked for its API does not read them. */
function loadAssets(): ReadonlyMap<string, Asset> {
  const ofPage = pageFiles.map((name): [string, string] => [
    name,
    fileURLToPath(new URL(`page/${name}`, import.meta.url)),
  ]);
  // The one library of the page, served as its package has it.
  const files = [...ofPage, ['uqr.js', fileURLToPath(import.meta.resolve('uqr'))] as const];
  return new Map(files.map(([name, path]) => [name, assetOf(name, readFileSync(path))]));
}

function assetOf(name: string, bytes: Buffer): Asset {
  const contentType = contentTypes[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const headers = { ...securityHeaders, 'Content-Type': contentType, 'Cache-Control': 'no-cache', ETag: tag };
  return { bytes, headers };
}

function serve(name: string): HttpAnswer {
  assets ??= loadAssets();
  const asset = assets.get(name);
  if (asset === undefined) throw new MatrixError('M_NOT_FOUND', 'The web page has no such file.');
  return new HttpAnswer(200, asset.headers, asset.bytes);
}

export const getWebPage = endpoint({
  operation: 'own.getWebPage',
  method: 'GET',
  path: '/',
  auth: 'none',
  rateLimit: 'none',
  spec: 'own: set-up page and chat',
  handler: () => serve('index.html'),
});

export const getWebFile = endpoint({
  operation: 'own.getWebFile',
  method: 'GET',
  path: '/web/{fileName}',
  auth: 'none',
  rateLimit: 'none',
  spec: 'own: set-up page and chat',
  handler: (_context: unknown, { params }) => serve(params.fileName),
});
