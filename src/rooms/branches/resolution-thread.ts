/** Owns the thread in which a large state resolution computes; it asks its parent for everything that it lacks. */
import { isMainThread, parentPort } from 'node:worker_threads';
import { findRoomVersion } from '#matrix/room-versions.ts';
import type { Conflict, ResolvedConflict } from '#matrix/state-resolution/partition-conflicts.ts';
import type { Answer, Asking, Question } from '#matrix/state-resolution/question.ts';
import { ResolutionError, type ResolutionErrorReason } from '#matrix/state-resolution/resolution-error.ts';
import { resolveConflict } from '#matrix/state-resolution/resolve-conflict.ts';

export type ToResolutionThread =
  | { readonly kind: 'resolve'; readonly versionId: string; readonly conflict: Conflict }
  | { readonly kind: 'answer'; readonly answer: Answer };

export type FromResolutionThread =
  | { readonly kind: 'question'; readonly question: Question }
  | { readonly kind: 'resolved'; readonly resolved: ResolvedConflict }
  | { readonly kind: 'failed'; readonly reason: ResolutionErrorReason | undefined; readonly message: string };

const port = isMainThread ? null : parentPort;
let resolving: Asking<ResolvedConflict> | undefined;

port?.on('message', (message: ToResolutionThread) => port.postMessage(respond(message)));

function respond(message: ToResolutionThread): FromResolutionThread {
  try {
    const step = message.kind === 'resolve' ? begin(message) : resolving?.next(message.answer);
    if (step === undefined) throw new Error('An answer came before the question.');
    if (step.done === true) return { kind: 'resolved', resolved: step.value };
    return { kind: 'question', question: step.value };
  } catch (error) {
    const reason = error instanceof ResolutionError ? error.reason : undefined;
    return { kind: 'failed', reason, message: error instanceof Error ? error.message : String(error) };
  }
}

function begin({ versionId, conflict }: Extract<ToResolutionThread, { kind: 'resolve' }>) {
  const version = findRoomVersion(versionId);
  if (version === undefined) throw new Error(`There is no room version ${versionId}.`);
  resolving = resolveConflict(version, conflict);
  return resolving.next();
}
