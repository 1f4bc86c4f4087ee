/** Owns path templates: how `/rooms/{roomId}` is matched against the path of a request, and decoded once. */
import { MatrixError } from '#matrix/error.ts';

type Segment = { readonly literal: string } | { readonly param: string };

/** A compiled template. */
export type PathTemplate = {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** The last segment may be empty or, with the slash before it, absent. */
  readonly lastMayBeEmpty: boolean;
};

/** Compiles `/_matrix/…/{roomId}/join`. Throws for a template that is not a path or whose parameters are odd. */
export function compileTemplate(text: string, lastMayBeEmpty = false): PathTemplate {
  if (!text.startsWith('/')) throw new TypeError(`The path template ${text} does not begin with a slash.`);
  const segments = splitPath(text).map((segment, index, all): Segment => {
    const param = /^\{([A-Za-z_]\w*)\}$/.exec(segment)?.[1];
    if (param !== undefined) return { param };
    // The last one is empty where the specification's path ends in a slash.
    if ((segment === '' && index < all.length - 1) || /[^\w.-]/.test(segment)) {
      throw new TypeError(`The path template ${text} has an odd segment: "${segment}".`);
    }
    return { literal: segment };
  });
  const last = segments.at(-1);
  if (lastMayBeEmpty && (last === undefined || 'literal' in last)) {
    throw new TypeError(`The path template ${text} does not end in a parameter that could be empty.`);
  }
  return { text, segments, lastMayBeEmpty };
}

/** The segments of a path, still encoded: `/a//b/` gives `['a', '', 'b', '']`. */
export function splitPath(path: string): string[] {
  return path.slice(1).split('/');
}

/** Whether the segments are an instance of the template. Literals are compared as sent, case and encoding included. */
export function matchesTemplate(template: PathTemplate, segments: readonly string[]): boolean {
  const wanted = template.segments;
  const absent = wanted.length - segments.length;
  if (absent !== 0 && !(absent === 1 && template.lastMayBeEmpty)) return false;
  for (let index = 0; index < segments.length; index++) {
    const want = wanted[index];
    const given = segments[index];
    if (want === undefined) return false;
    if ('literal' in want) {
      if (want.literal !== given) return false;
    } else if (given === '' && !(template.lastMayBeEmpty && index === wanted.length - 1)) {
      return false;
    }
  }
  return true;
}

/**
 * The parameters of segments that match. Throws M_INVALID_PARAM (400) for a malformed escape, and for an escaped
 * NUL, which no text column can hold.
 */
export function decodeParams(template: PathTemplate, segments: readonly string[]): Record<string, string> {
  const params: Record<string, string> = {};
  template.segments.forEach((segment, index) => {
    if ('param' in segment) params[segment.param] = decodeSegment(segments[index] ?? '', segment.param);
  });
  return params;
}

function decodeSegment(raw: string, param: string): string {
  if (!raw.includes('%')) return raw;
  let decoded: string;
  try {
    decoded = decodeURIComponent(raw);
  } catch {
    throw new MatrixError('M_INVALID_PARAM', `The path parameter ${param} is not valid percent-encoded UTF-8.`);
  }
  if (decoded.includes('\0')) {
    throw new MatrixError('M_INVALID_PARAM', `The path parameter ${param} contains a NUL character.`);
  }
  return decoded;
}

/** Whether some path could match both templates. */
export function templatesOverlap(one: PathTemplate, other: PathTemplate): boolean {
  const shorter = one.segments.length <= other.segments.length ? one : other;
  const longer = shorter === one ? other : one;
  const extra = longer.segments.length - shorter.segments.length;
  if (extra > 1 || (extra === 1 && !longer.lastMayBeEmpty)) return false;
  return shorter.segments.every((segment, index) => {
    const against = longer.segments[index];
    if (against === undefined || 'param' in segment || 'param' in against) return true;
    return segment.literal === against.literal;
  });
}

/** Orders templates so that of two which overlap the one with the earlier literal comes first. */
export function compareSpecificity(one: PathTemplate, other: PathTemplate): number {
  const length = Math.min(one.segments.length, other.segments.length);
  for (let index = 0; index < length; index++) {
    const first = one.segments[index];
    const second = other.segments[index];
    if (first === undefined || second === undefined) break;
    if ('param' in first !== 'param' in second) return 'param' in first ? 1 : -1;
  }
  return Number(one.lastMayBeEmpty) - Number(other.lastMayBeEmpty);
}
