/** Owns the well-known files by which clients and servers find this server from its name. */
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';

/** A way to reach the server's administrators; one of the two addresses at least. */
export type SupportContact = { readonly matrixId?: string; readonly emailAddress?: string; readonly role: string };

/** What the files are made from. */
export type DiscoveryContext = {
  readonly config: {
    readonly publicUrl: string | undefined;
    /** A server without a name of its own does not federate. */
    readonly trial: boolean;
    readonly support?:
      | { readonly contacts?: readonly SupportContact[]; readonly supportPage?: string | undefined }
      | undefined;
  };
};

const NOT_CONFIGURED = 'This server publishes nothing here.';

export const getWellknown = endpoint({
  operation: 'client.getWellknown',
  method: 'GET',
  path: '/.well-known/matrix/client',
  auth: 'none',
  rateLimit: 'none',
  spec: 'Client-Server API, Well-known URIs',
  handler: ({ config }: DiscoveryContext) => {
    if (config.publicUrl === undefined) throw new MatrixError('M_NOT_FOUND', NOT_CONFIGURED);
    return { 'm.homeserver': { base_url: config.publicUrl } };
  },
});

export const getWellKnownServer = endpoint({
  operation: 'federation.getWellKnown',
  method: 'GET',
  path: '/.well-known/matrix/server',
  auth: 'none',
  rateLimit: 'none',
  spec: 'Server-Server API, Resolving server names',
  handler: ({ config }: DiscoveryContext) => {
    const delegated = config.trial ? undefined : findDelegatedName(config.publicUrl);
    if (delegated === undefined) throw new MatrixError('M_NOT_FOUND', NOT_CONFIGURED);
    return { 'm.server': delegated };
  },
});

/**
 * The `host:port` that answers for this server among servers. Federation needs TLS and the root of the host, so a
 * public URL without https, or with a path, delegates to nobody. The port is always written: without one, resolving
 * would go on to look for SRV records.
 */
export function findDelegatedName(publicUrl: string | undefined): string | undefined {
  if (publicUrl === undefined) return undefined;
  const url = new URL(publicUrl);
  if (url.protocol !== 'https:' || url.pathname !== '/') return undefined;
  return `${url.hostname}:${url.port === '' ? '443' : url.port}`;
}

export const getWellknownSupport = endpoint({
  operation: 'client.getWellknownSupport',
  method: 'GET',
  path: '/.well-known/matrix/support',
  auth: 'none',
  rateLimit: 'none',
  spec: 'Client-Server API, Well-known URIs',
  handler: ({ config: { support } }: DiscoveryContext) => {
    const contacts = (support?.contacts ?? []).map(({ matrixId, emailAddress, role }) => ({
      matrix_id: matrixId,
      email_address: emailAddress,
      role,
    }));
    const page = support?.supportPage;
    if (contacts.length === 0 && page === undefined) throw new MatrixError('M_NOT_FOUND', NOT_CONFIGURED);
    return { contacts: contacts.length === 0 ? undefined : contacts, support_page: page };
  },
});
