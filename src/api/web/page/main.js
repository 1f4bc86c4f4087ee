/** Owns which page is shown: set-up, sign-in or chat. */
import { setUpPage, signInPage } from './account-forms.js';
import { Chat } from './chat.js';
import { ask, loadSession, storeSession } from './client.js';

const app = document.getElementById('app') ?? document.body;

/** @typedef {{ server_name: string, trial: boolean, registration: string, urls: string[] }} About */

/** A token in the address is read once and taken out of it, so that it stays in no history. */
function takeFragment() {
  const fragment = new URLSearchParams(location.hash.slice(1));
  if (location.hash !== '') history.replaceState(null, '', location.pathname);
  return { setUpToken: fragment.get('setup'), invitation: fragment.get('invite') };
}

/** @param {About} about @param {{ setUpToken?: string | null, invitation?: string | null }} [fragment] */
function show(about, { setUpToken, invitation } = {}) {
  const session = loadSession();
  const enter = (/** @type {import('./client.js').Session} */ entered) => {
    storeSession(entered);
    show(about);
  };
  if (setUpToken) app.replaceChildren(setUpPage(about, setUpToken, enter));
  else if (session === undefined || invitation) app.replaceChildren(signInPage(about, invitation ?? undefined, enter));
  else {
    const onLoggedOut = () => {
      storeSession(undefined);
      show(about);
    };
    // It lives until its session ends.
    void new Chat(app, about, session, onLoggedOut);
  }
}

try {
  show(await ask('GET', '/_causeway/about'), takeFragment());
} catch {
  app.replaceChildren('The server does not answer. Reload this page when it runs.');
}
