/** Owns the pages on which accounts are made and entered. */
import { ask, RefusedRequest, sessionOf } from './client.js';
import { field, form, h } from './dom.js';

/** @typedef {import('./main.js').About} About */
/** @typedef {(session: import('./client.js').Session) => void} Enter */

const nameAttributes = {
  name: 'username',
  required: true,
  autocapitalize: 'none',
  autocomplete: 'username',
  spellcheck: 'false',
};
const newPassword = { name: 'password', type: 'password', required: true, autocomplete: 'new-password' };

/** @param {About} about */
function trialNote(about) {
  if (!about.trial) return undefined;
  return h(
    'p',
    { class: 'banner', role: 'note' },
    'This is a trial: its name, ',
    h('strong', {}, about.server_name),
    ', can never be changed, and it will not reach other servers. To begin in earnest, stop it, set ',
    h('code', {}, 'CAUSEWAY_SERVER_NAME'),
    ' to a domain of yours and start with an empty data directory.',
  );
}

/** @param {string} title @param {...(Node | undefined)} children */
function page(title, ...children) {
  return h('main', { class: 'narrow' }, h('h1', {}, title), ...children);
}

/**
 * @param {About} about
 * @param {string} token
 * @param {Enter} enter
 */
export function setUpPage(about, token, enter) {
  return page(
    'Set up your server',
    h(
      'p',
      {},
      'This server is called ',
      h('strong', {}, about.server_name),
      '. That name is part of every user and room, and cannot change later.',
    ),
    trialNote(about),
    h('p', {}, 'Make the first account. It will administer the server.'),
    form(
      {
        submit: 'Create the administrator',
        onsubmit: async ({ username, password }) =>
          enter(sessionOf(await ask('POST', '/_causeway/set-up', { body: { token, username, password } }))),
      },
      field('User name', nameAttributes),
      field('Password', newPassword),
    ),
  );
}

/**
 * @param {About} about
 * @param {string | undefined} invitation
 * @param {Enter} enter
 */
export function signInPage(about, invitation, enter) {
  const canRegister = invitation !== undefined || about.registration !== 'closed';
  const signIn = h(
    'section',
    {},
    h('h2', {}, 'Sign in'),
    form(
      {
        submit: 'Sign in',
        onsubmit: async ({ username, password }) => {
          const identifier = { type: 'm.id.user', user: username };
          const body = { type: 'm.login.password', identifier, password, initial_device_display_name: 'Causeway chat' };
          enter(sessionOf(await ask('POST', '/login', { body })));
        },
      },
      field('User name', nameAttributes),
      field('Password', { name: 'password', type: 'password', required: true, autocomplete: 'current-password' }),
    ),
  );
  const register = h(
    'section',
    {},
    h('h2', {}, invitation === undefined ? 'Make an account' : 'You are invited: make an account'),
    form(
      { submit: 'Make the account', onsubmit: async (values) => enter(await registerAccount(values, invitation)) },
      field('User name', { ...nameAttributes, id: 'new-name' }),
      field('Password', { ...newPassword, id: 'new-password' }),
      invitation === undefined && about.registration === 'token'
        ? field('Registration token', { name: 'token', required: true, autocomplete: 'off' })
        : undefined,
    ),
  );
  const sections = invitation === undefined ? [signIn, canRegister ? register : undefined] : [register, signIn];
  return page(`Welcome to ${about.server_name}`, trialNote(about), ...sections);
}

/**
 * Registers by user-interactive authentication: the first answer says what the server wants to see.
 * @param {Record<string, string>} values
 * @param {string | undefined} invitation
 */
async function registerAccount({ username, password, token }, invitation) {
  const request = { username, password, initial_device_display_name: 'Causeway chat' };
  const first = await ask('POST', '/register', { body: request }).catch((error) => {
    if (error instanceof RefusedRequest && error.status === 401) return error.body;
    throw error;
  });
  if (first.access_token !== undefined) return sessionOf(first);
  const stages = first.flows?.flatMap((/** @type {{ stages: string[] }} */ flow) => flow.stages) ?? [];
  const byToken = { type: 'm.login.registration_token', token: invitation ?? token };
  const auth = stages.includes('m.login.registration_token') ? byToken : { type: 'm.login.dummy' };
  return sessionOf(await ask('POST', '/register', { body: { ...request, auth: { ...auth, session: first.session } } }));
}
