/** Owns finding the endpoint of a request: hot rows by their segments, all others by koa and its router. */
import type { IncomingMessage, RequestListener } from 'node:http';
import Koa from 'koa';
import { Router, type RouterContext, type RouterMiddleware } from '@koa/router';
import type { Endpoint } from '#http/endpoint.ts';
import {
  compareSpecificity,
  compileTemplate,
  matchesTemplate,
  splitPath,
  templatesOverlap,
  type PathTemplate,
} from '#http/path-template.ts';
import type { Route, RunRequest } from '#http/pipeline.ts';
import { renderPreflight } from '#http/render.ts';

/** Answers a request that no endpoint takes: 405 with the methods that its path knows, 404 when there are none. */
export type AnswerUnrecognised = (
  request: IncomingMessage,
  response: Parameters<RequestListener>[1],
  allowed: readonly string[],
) => void;

/**
 * The listener for a server's requests. Rows that say `hot` are found by comparing a few strings before koa is
 * reached; the decision record on HTTP dispatch has the measurements. Both ways end in the same `run`.
 * Throws a TypeError for rows that contradict one another.
 */
export function createDispatcher<Context>(
  endpoints: readonly Endpoint<Context>[],
  run: RunRequest<Context>,
  answerUnrecognised: AnswerUnrecognised,
): RequestListener {
  const routes = endpoints.flatMap(routesOf).toSorted((one, other) => compareSpecificity(one.template, other.template));
  assertUnambiguous(routes);
  const findHot = createHotMatcher(routes.filter((route) => route.endpoint.hot === true));
  const dispatchByKoa = createKoaDispatcher(routes, run, answerUnrecognised);

  return (request, response) => {
    if (request.method === 'OPTIONS') {
      renderPreflight(response);
      return;
    }
    const { segments, search } = targetOf(request);
    const hot = findHot(request.method ?? 'GET', segments);
    if (hot === undefined) void dispatchByKoa(request, response);
    else void run(hot, segments, search, request, response);
  };
}

function routesOf<Context>(endpoint: Endpoint<Context>): Route<Context>[] {
  const paths = [endpoint.path, ...(endpoint.aliases ?? [])];
  return paths.map((path) => ({ endpoint, template: compileTemplate(path, endpoint.lastParamMayBeEmpty === true) }));
}

/** The path of a request in encoded segments, and its query string without the question mark. */
function targetOf(request: IncomingMessage): { segments: string[]; search: string } {
  const url = request.url ?? '/';
  const queryAt = url.indexOf('?');
  return queryAt === -1
    ? { segments: splitPath(url), search: '' }
    : { segments: splitPath(url.slice(0, queryAt)), search: url.slice(queryAt + 1) };
}

/** Finds a hot route by method and number of segments, which leaves one or two to compare. */
function createHotMatcher<Context>(
  routes: readonly Route<Context>[],
): (method: string, segments: readonly string[]) => Route<Context> | undefined {
  const byMethod = new Map<string, Route<Context>[][]>();
  for (const route of routes) {
    const byLength = byMethod.get(route.endpoint.method) ?? [];
    byMethod.set(route.endpoint.method, byLength);
    (byLength[route.template.segments.length] ??= []).push(route);
  }
  return (method, segments) => {
    const candidates = byMethod.get(method)?.[segments.length];
    if (candidates === undefined) return undefined;
    for (const route of candidates) if (matchesTemplate(route.template, segments)) return route;
    return undefined;
  };
}

// The fourth segment (`rooms`, `sync`, `keys`…) is always a literal, and picks one of many small routers: a router
// tries its routes one after the other.
const GROUP_SEGMENT = 3;

function createKoaDispatcher<Context>(
  routes: readonly Route<Context>[],
  run: RunRequest<Context>,
  answerUnrecognised: AnswerUnrecognised,
): ReturnType<Koa['callback']> {
  const routers = new Map<string, Router>();
  const templates = new Map<unknown, PathTemplate>();
  for (const route of routes) {
    const group = groupOf(route.template);
    const router = routers.get(group) ?? new Router({ sensitive: true });
    routers.set(group, router);
    const path = koaPath(route.template);
    templates.set(path, route.template);
    router.register(path, [route.endpoint.method], takeRoute(route, run));
  }
  const middlewares = new Map([...routers].map(([group, router]) => [group, router.routes()]));

  const app = new Koa<Koa.DefaultState, RouterContext>();
  app.use((ctx, next) => {
    // The answer is written by the pipeline, never by koa.
    ctx.respond = false;
    const middleware = middlewares.get(targetOf(ctx.req).segments[GROUP_SEGMENT] ?? '');
    return middleware === undefined ? next() : middleware(ctx, next);
  });
  app.use((ctx) => {
    const { segments } = targetOf(ctx.req);
    const layers = ctx.matched ?? [];
    const allowed = layers.filter((layer) => {
      const template = templates.get(layer.path);
      return template !== undefined && matchesTemplate(template, segments);
    });
    answerUnrecognised(ctx.req, ctx.res, [...new Set(allowed.flatMap((layer) => layer.methods))]);
  });
  return app.callback();
}

// The router is looser than the template (it takes a trailing slash), so the template has the last word.
function takeRoute<Context>(route: Route<Context>, run: RunRequest<Context>): RouterMiddleware {
  return (ctx, next) => {
    const { segments, search } = targetOf(ctx.req);
    if (!matchesTemplate(route.template, segments)) return next();
    return run(route, segments, search, ctx.req, ctx.res);
  };
}

function groupOf(template: PathTemplate): string {
  const segment = template.segments[GROUP_SEGMENT];
  if (segment === undefined) return '';
  if ('param' in segment) throw new TypeError(`The path ${template.text} has a parameter too near its beginning.`);
  return segment.literal;
}

function koaPath(template: PathTemplate): string {
  const parts = template.segments.map((segment) => ('literal' in segment ? segment.literal : `:${segment.param}`));
  const last = template.lastMayBeEmpty ? `{/${parts.pop()}}` : '';
  return `/${parts.join('/')}${last}`;
}

/** Two rows for the same paths, or a hot row that would take what a more exact row means, are mistakes in the rows. */
function assertUnambiguous<Context>(routes: readonly Route<Context>[]): void {
  routes.forEach((one, index) => {
    for (const other of routes.slice(index + 1)) {
      if (one.endpoint.method !== other.endpoint.method || !templatesOverlap(one.template, other.template)) continue;
      const equal = compareSpecificity(one.template, other.template) === 0;
      const hot = one.endpoint.hot === true || other.endpoint.hot === true;
      if (equal || hot) {
        const { method } = one.endpoint;
        throw new TypeError(`${method} ${one.template.text} and ${other.template.text} would take the same requests.`);
      }
    }
  });
}
