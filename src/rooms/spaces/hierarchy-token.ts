/** Owns the tokens by which the rooms of a space are paged through. */
import { hash } from 'node:crypto';

/** What all pages of one walk have in common. */
export type HierarchyWalk = { readonly roomId: string; readonly suggestedOnly: boolean; readonly maxDepth: number };

const form = /^h1\.(\d{1,6})\.([A-Za-z0-9_-]{16})$/;

/** `h1.<rooms told so far>.<the walk>`. */
export function formatHierarchyToken(walk: HierarchyWalk, told: number): string {
  return `h1.${told}.${nameOf(walk)}`;
}

/** How many rooms were told already; undefined if the token is none, or one of another walk. */
export function parseHierarchyToken(walk: HierarchyWalk, token: string): number | undefined {
  const match = form.exec(token);
  return match !== null && match[2] === nameOf(walk) ? Number(match[1]) : undefined;
}

function nameOf({ roomId, suggestedOnly, maxDepth }: HierarchyWalk): string {
  return hash('sha256', JSON.stringify([roomId, suggestedOnly, maxDepth]), 'base64url').slice(0, 16);
}
