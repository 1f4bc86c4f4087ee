/** Owns the endpoints of ways to log in that this server does not have, and the page for clients that know no other. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { escapeHtml, htmlPage } from '#http/html-page.ts';
import { MatrixError } from '#matrix/error.ts';

function refuseSingleSignOn(): never {
  throw new MatrixError('M_NOT_FOUND', 'This server has no single sign-on: log in with your password.');
}

export const redirectToSSO = endpoint({
  operation: 'client.redirectToSSO',
  method: 'GET',
  path: '/_matrix/client/v3/login/sso/redirect',
  aliases: ['/_matrix/client/r0/login/sso/redirect'],
  auth: 'none',
  rateLimit: 'none',
  spec: 'Client-Server API, Client login via SSO',
  handler: refuseSingleSignOn,
});

export const redirectToIdP = endpoint({
  operation: 'client.redirectToIdP',
  method: 'GET',
  path: '/_matrix/client/v3/login/sso/redirect/{idpId}',
  aliases: ['/_matrix/client/r0/login/sso/redirect/{idpId}'],
  auth: 'none',
  rateLimit: 'none',
  spec: 'Client-Server API, Client login via SSO',
  handler: refuseSingleSignOn,
});

export const getAuthMetadata = endpoint({
  operation: 'client.getAuthMetadata',
  method: 'GET',
  path: '/_matrix/client/v1/auth_metadata',
  aliases: ['/_matrix/client/unstable/org.matrix.msc2965/auth_metadata'],
  auth: 'none',
  rateLimit: 'none',
  spec: 'Client-Server API, Authentication API discovery',
  handler: () => {
    // The specification's way to say that the older API is the one that is in use.
    throw new MatrixError('M_UNRECOGNIZED', 'This server has no OAuth 2.0 API.');
  },
});

const script = `
const form = document.querySelector('form');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const alert = document.querySelector('[role=alert]');
  alert.textContent = '';
  const given = Object.fromEntries(new FormData(form));
  const { user, password, ...rest } = given;
  const answer = await fetch('/_matrix/client/v3/login', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...rest, type: 'm.login.password', identifier: { type: 'm.id.user', user }, password }),
  }).catch(() => undefined);
  const body = answer === undefined ? {} : await answer.json().catch(() => ({}));
  if (answer === undefined || !answer.ok) {
    alert.textContent = body.error || 'The server did not answer: try again.';
    return;
  }
  form.replaceWith('You are logged in. You can close this page.');
  if (window.matrixLogin && window.matrixLogin.onLogin) window.matrixLogin.onLogin(body);
});
`;

/** What the page hands on to the login: whatever is not a credential. */
const handedOn = ['device_id', 'initial_device_display_name'] as const;

export const getLoginFallback = endpoint({
  operation: 'client.getLoginFallback',
  method: 'GET',
  path: '/_matrix/static/client/login/',
  aliases: ['/_matrix/static/client/login'],
  auth: 'none',
  rateLimit: 'default',
  query: Type.Object({
    device_id: Type.Optional(Type.String({ maxLength: 255 })),
    initial_device_display_name: Type.Optional(Type.String({ maxLength: 100 })),
  }),
  spec: 'own: Client-Server API, "Login Fallback", which no operation describes',
  handler: (_context: unknown, { query }) => {
    const hidden = handedOn.map((name) => {
      const value = query[name];
      return value === undefined ? '' : `<input type="hidden" name="${name}" value="${escapeHtml(value)}">`;
    });
    const body =
      `<form>${hidden.join('')}<label>User name<input name="user" autocomplete="username" required></label>` +
      '<label>Password<input name="password" type="password" autocomplete="current-password" required></label>' +
      '<button>Log in</button></form><p role="alert"></p>';
    return htmlPage({ title: 'Log in', body, script });
  },
});
