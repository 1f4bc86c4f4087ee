/** Owns the shape of an endpoint: one row of facts from which routes, documents and tests are made. */
import { Type, type Static, type TSchema } from 'typebox';
import type { Answer } from '#http/answer.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/**
 * Who may call: nobody is asked for, a token is optional, a valid token is required, or a server must have signed the
 * request.
 */
export type AuthKind = 'none' | 'optionalUser' | 'user' | 'server';

/** States of an account that shut its owner out of every endpoint whose row does not say `allow`. */
export type AccountState = 'active' | 'locked' | 'suspended';

/** The authenticated caller. Every token belongs to a device. */
export type Principal = {
  readonly userId: string;
  readonly userNid: number;
  readonly deviceId: string;
  readonly deviceNid: number;
  readonly accountState: AccountState;
  /** A guest may call what its row says, and nothing else. */
  readonly isGuest: boolean;
};

/** The server that has signed the request; its name is what users of its own have behind the colon. */
export type ServerPrincipal = { readonly origin: string };

/** Whoever is known to call. */
export type Caller = Principal | ServerPrincipal;

/** Names of the token buckets of the configuration; `none` is never limited. */
export type RateLimitClass = 'default' | 'login' | 'register' | 'send' | 'join' | 'create_room' | 'sync' | 'none';

type ParamName<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamName<Rest>
  : never;

/** The path parameters of a template, decoded once: `'/rooms/{roomId}'` gives `{ roomId: string }`. */
export type PathParams<Path extends string> = { readonly [Name in ParamName<Path>]: string };

export type PrincipalOf<Auth extends AuthKind> = Auth extends 'user'
  ? Principal
  : Auth extends 'optionalUser'
    ? Principal | undefined
    : Auth extends 'server'
      ? ServerPrincipal
      : undefined;

/** What a handler is given of one request. `signal` is made when first read, so name it only where it is used. */
export type EndpointRequest<Params, Query, Body, Who> = {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** The body as it came, checked to be the JSON that `body` holds; empty when the endpoint takes none. */
  readonly bodyText: string;
  readonly principal: Who;
  /** Aborts when the client goes away or the server stops. Work that is committed is not undone by it. */
  readonly signal: AbortSignal;
  /** The client's address; behind trusted proxies the one they name. */
  readonly remoteAddress: string;
  readonly userAgent: string | undefined;
  /** The `Host` and `Origin` headers: which address a browser was sent to, and by whose page. */
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly requestId: string;
  /** The row's own path template, whichever alias was called: the part of a replay key that names the endpoint. */
  readonly path: string;
};

type EndpointFacts = {
  /** API and operation id of the specification: `client.joinRoomById`. */
  readonly operation: string;
  readonly method: Method;
  /** Operations that the specification describes apart, though their requests come to the same method and path. */
  readonly alsoServes?: readonly string[];
  /** Older versions and unstable prefixes of the same endpoint, with the same parameters. */
  readonly aliases?: readonly string[];
  /** States in which an account may still call, besides `active`. */
  readonly allow?: readonly Exclude<AccountState, 'active'>[];
  /** Guests may call it, too. Specification: Client-Server API, "Guest Access". */
  readonly guests?: true;
  readonly rateLimit: RateLimitClass;
  /** A body is optional when its schema accepts `{}`; this demands one all the same. */
  readonly bodyRequired?: true;
  /** `canonical` refuses numbers that canonical JSON lacks, for bodies that become events; others may hold any. */
  readonly numbers?: 'canonical';
  /** The last path parameter may be empty, with or without the slash before it (the empty state key). */
  readonly lastParamMayBeEmpty?: true;
  /** The path ends in a transaction id: the same one by the same device must have no second effect. */
  readonly idempotency?: 'txnId';
  /** Section of the specification, or the MSC that the endpoint comes from. */
  readonly spec: string;
  /** Dispatched before the router. */
  readonly hot?: true;
};

/** An endpoint as the server holds it; made by `endpoint`, which checks the types of its handler. */
export type Endpoint<Context> = EndpointFacts & {
  readonly path: string;
  readonly auth: AuthKind;
  readonly query: TSchema | undefined;
  readonly body: TSchema | undefined;
  readonly handler: (
    context: Context,
    request: EndpointRequest<unknown, unknown, unknown, Caller | undefined>,
  ) => Answer | Promise<Answer>;
};

/**
 * Makes an endpoint's row. Annotate the handler's first parameter; the second one's types follow from the row:
 *
 *     endpoint({ operation: 'client.leaveRoom', method: 'POST', path: '/_matrix/client/v3/rooms/{roomId}/leave',
 *       auth: 'user', rateLimit: 'default', body: Type.Object({ reason: Type.Optional(Type.String()) }), spec: '…',
 *       handler: async (context: Context, { params, body, principal }) => { … return {}; } })
 *
 * `query` is an object schema; what comes as text is read as the integer, boolean or list that its property says.
 * `body` is the schema of a JSON body; an endpoint without one does not look at the body.
 */
export function endpoint<
  Context,
  const Path extends string,
  const Auth extends AuthKind,
  Query extends TSchema = NoSchema,
  Body extends TSchema = NoSchema,
>(
  row: EndpointFacts & {
    readonly path: Path;
    readonly auth: Auth;
    readonly query?: Query;
    readonly body?: Body;
    readonly handler: (
      context: Context,
      request: EndpointRequest<PathParams<Path>, Static<Query>, Static<Body>, PrincipalOf<Auth>>,
    ) => Answer | Promise<Answer>;
  },
): Endpoint<Context> {
  // The pipeline matches the template, checks both schemas and authenticates before it calls the handler, which is
  // exactly what these types promise; the type system cannot follow it through the array of all rows.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return { ...row, query: row.query, body: row.body, handler: row.handler as Endpoint<Context>['handler'] };
}

const noSchema = Type.Unsafe<undefined>({});
type NoSchema = typeof noSchema;

/** Any JSON object, for bodies that are content of events or account data: checked to be an object, kept as it is. */
export const jsonObject = Type.Unsafe<Record<string, unknown>>(Type.Object({}));
