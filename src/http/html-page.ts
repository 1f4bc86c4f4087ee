/** Owns the few HTML pages that the specification asks of a homeserver: their frame, their escaping, their safety. */
import { createHash } from 'node:crypto';
import { HttpAnswer } from '#http/answer.ts';

export type HtmlPage = {
  readonly title: string;
  /** HTML; whatever comes from a request must have gone through `escapeHtml`. */
  readonly body: string;
  /** The page's only script; the same for every request, as its hash is what permits it. */
  readonly script: string;
};

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Makes a text safe in HTML, between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => escapes[character] ?? '');
}

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:4rem auto;padding:0 1rem}' +
  'input,button{font:inherit;display:block;width:100%;box-sizing:border-box;padding:.5rem;margin:.5rem 0}' +
  '[role=alert]{color:#b00020}';

/** A page that nothing may frame, that loads nothing, and that runs no script but its own. */
export function htmlPage({ title, body, script }: HtmlPage): HttpAnswer {
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-store',
  };
  const html =
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(title)}</title>` +
    `<meta name="viewport" content="width=device-width"><style>${style}</style></head>` +
    `<body><h1>${escapeHtml(title)}</h1>${body}<script>${script}</script></body></html>`;
  return new HttpAnswer(200, headers, html);
}

function hashOf(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
