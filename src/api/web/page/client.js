/** Owns requests to the server: with the session's token in a header, never in an address. */

/** @typedef {{ userId: string, accessToken: string, deviceId: string }} Session */

const storageKey = 'causeway.session';
const api = '/_matrix/client/v3';
const retryDelaysMs = [500, 1_000, 2_000, 5_000, 10_000];

/** What the server answered instead of success. */
export class RefusedRequest extends Error {
  /**
   * @param {number} status
   * @param {any} body
   */
  constructor(status, body) {
    super(typeof body?.error === 'string' ? body.error : `The server answered ${status}.`);
    this.status = status;
    this.errcode = body?.errcode;
    this.body = body;
  }
}

/** @returns {Session | undefined} */
export function loadSession() {
  const text = localStorage.getItem(storageKey);
  return text === null ? undefined : JSON.parse(text);
}

/** @param {Session | undefined} session  undefined forgets it. */
export function storeSession(session) {
  if (session === undefined) localStorage.removeItem(storageKey);
  else localStorage.setItem(storageKey, JSON.stringify(session));
}

/** @param {any} answer  of a login or registration. @returns {Session} */
export function sessionOf(answer) {
  return { userId: answer.user_id, accessToken: answer.access_token, deviceId: answer.device_id };
}

/** One segment of a path. */
export const segment = encodeURIComponent;

/**
 * One request. Throws `RefusedRequest` for an answer that is not 2xx, and what fetch throws when there is none.
 * @param {string} method
 * @param {string} path  whole, or below the client-server API when it does not begin with `/_`
 * @param {{ body?: unknown, query?: Record<string, unknown>, token?: string, signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 */
export async function ask(method, path, { body, query = {}, token, signal } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)]));
  const url = `${path.startsWith('/_') ? '' : api}${path}${search.size > 0 ? `?${search}` : ''}`;
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal ?? null,
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new RefusedRequest(response.status, answer);
  return answer;
}

/** The requests of one session. */
export class Client {
  #count = 0;

  /** @param {Session} session */
  constructor(session) {
    this.session = session;
    // A transaction id must be new for the device, also after a reload.
    // Not randomUUID, which browsers keep from pages of a local network without TLS.
    this.transactionPrefix = [...crypto.getRandomValues(new Uint32Array(4))].map((each) => each.toString(36)).join('');
  }

  get userId() {
    return this.session.userId;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {{ body?: unknown, query?: Record<string, unknown>, signal?: AbortSignal }} [options]
   */
  ask(method, path, options = {}) {
    return ask(method, path, { ...options, token: this.session.accessToken });
  }

  /**
   * Asks until there is an answer: for requests that have no second effect when they are repeated.
   * @param {string} method
   * @param {string} path
   * @param {unknown} body
   */
  async insist(method, path, body) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.ask(method, path, { body });
      } catch (error) {
        const waitMs = error instanceof RefusedRequest ? retryAfter(error) : retryDelaysMs[attempt];
        if (waitMs === undefined || attempt >= retryDelaysMs.length) throw error;
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }

  /**
   * Sends an event; resolves with its id.
   * @param {string} roomId
   * @param {string} type
   * @param {object} content
   */
  async send(roomId, type, content) {
    const path = `/rooms/${segment(roomId)}/send/${segment(type)}/${this.newTransactionId()}`;
    return (await this.insist('PUT', path, content)).event_id;
  }

  /**
   * @param {string} roomId
   * @param {string} eventId
   */
  redact(roomId, eventId) {
    const path = `/rooms/${segment(roomId)}/redact/${segment(eventId)}/${this.newTransactionId()}`;
    return this.insist('PUT', path, {});
  }

  newTransactionId() {
    this.#count += 1;
    return `${this.transactionPrefix}.${this.#count}`;
  }
}

/** @param {RefusedRequest} error */
function retryAfter(error) {
  if (error.status === 429) return error.body?.retry_after_ms ?? 1_000;
  return error.status >= 502 && error.status <= 504 ? 1_000 : undefined;
}
