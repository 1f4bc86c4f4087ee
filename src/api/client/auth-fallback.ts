/** Owns the pages by which a browser completes a stage that a client does not know. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { escapeHtml, htmlPage } from '#http/html-page.ts';
import { MatrixError } from '#matrix/error.ts';
import { completeStageInBrowser, type BrowserStageParts } from '#users/uia/complete-in-browser.ts';

type StagePage = { readonly title: string; readonly fields: string };

const pages: ReadonlyMap<string, StagePage> = new Map([
  ['m.login.dummy', { title: 'Continue', fields: '<p>Nothing is asked of you: just go on.</p>' }],
  [
    'm.login.password',
    {
      title: 'Confirm with your password',
      fields: '<label>Password<input name="password" type="password" autocomplete="current-password" required></label>',
    },
  ],
  [
    'm.login.registration_token',
    {
      title: 'Enter your registration token',
      fields: '<label>Token<input name="token" autocomplete="off" maxlength="64" required></label>',
    },
  ],
]);

// What is done at the end is word for word what the specification tells the page to do.
const script = `
const form = document.querySelector('form');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const alert = document.querySelector('[role=alert]');
  alert.textContent = '';
  const answer = await fetch(location.pathname, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  }).catch(() => undefined);
  if (answer === undefined || !answer.ok) {
    const body = answer === undefined ? {} : await answer.json().catch(() => ({}));
    alert.textContent = body.error || 'The server did not answer: try again.';
    return;
  }
  form.replaceWith('Done. You can close this page.');
  if (window.onAuthDone) {
    window.onAuthDone();
  } else if (window.opener && window.opener.postMessage) {
    window.opener.postMessage("authDone", "*");
  }
});
`;

const sessionSchema = Type.String({ minLength: 1, maxLength: 255 });

function requirePage(stage: string): StagePage {
  const page = pages.get(stage);
  if (page === undefined) throw new MatrixError('M_NOT_FOUND', 'This server has no such stage of authentication.');
  return page;
}

export const getAuthFallback = endpoint({
  operation: 'client.getAuthFallback',
  method: 'GET',
  path: '/_matrix/client/v3/auth/{type}/fallback/web',
  aliases: ['/_matrix/client/r0/auth/{type}/fallback/web'],
  auth: 'none',
  rateLimit: 'default',
  query: Type.Object({ session: sessionSchema }),
  spec: 'own: Client-Server API, "Fallback", which no operation describes',
  handler: (_context: unknown, { params, query }) => {
    const { title, fields } = requirePage(params.type);
    const session = `<input type="hidden" name="session" value="${escapeHtml(query.session)}">`;
    const body = `<form>${session}${fields}<button>Continue</button></form><p role="alert"></p>`;
    return htmlPage({ title, body, script });
  },
});

export const completeAuthFallback = endpoint({
  operation: 'client.completeAuthFallback',
  method: 'POST',
  path: '/_matrix/client/v3/auth/{type}/fallback/web',
  aliases: ['/_matrix/client/r0/auth/{type}/fallback/web'],
  auth: 'none',
  rateLimit: 'login',
  body: Type.Object({
    session: sessionSchema,
    password: Type.Optional(Type.String()),
    token: Type.Optional(Type.String()),
  }),
  spec: 'own: what the page of Client-Server API, "Fallback", sends',
  handler: async (context: BrowserStageParts, { params, body }) => {
    requirePage(params.type);
    const verdict = await completeStageInBrowser(context, body.session, params.type, body);
    if (!verdict.passed) throw new MatrixError('M_FORBIDDEN', verdict.failure.error);
    return {};
  },
});
