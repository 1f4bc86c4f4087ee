/** Owns where a resolution computes: small ones here, large ones in a thread of their own. */
import { Worker } from 'node:worker_threads';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { Conflict, ResolvedConflict } from '#matrix/state-resolution/partition-conflicts.ts';
import type { Answer, Question } from '#matrix/state-resolution/question.ts';
import { ResolutionError } from '#matrix/state-resolution/resolution-error.ts';
import { resolveConflict } from '#matrix/state-resolution/resolve-conflict.ts';
import type { FromResolutionThread, ToResolutionThread } from '#rooms/branches/resolution-thread.ts';

/** With so many conflicted keys a resolution takes some 20 ms, which every request of this process would wait for. */
const keysBeforeThread = 200;

/** Resolves a conflict, with answers from wherever the caller has them. Throws a ResolutionError. */
export async function runResolution(
  version: RoomVersion,
  conflict: Conflict,
  answer: (question: Question) => Promise<Answer>,
): Promise<ResolvedConflict> {
  if (conflict.size >= keysBeforeThread) return runInThread(version, conflict, answer);
  const resolving = resolveConflict(version, conflict);
  let step = resolving.next();
  while (step.done !== true) step = resolving.next(await answer(step.value));
  return step.value;
}

/** A thread per resolution: they are rare, and what one has grown to in memory goes with it. */
async function runInThread(
  version: RoomVersion,
  conflict: Conflict,
  answer: (question: Question) => Promise<Answer>,
): Promise<ResolvedConflict> {
  const worker = new Worker(new URL(import.meta.resolve('#rooms/branches/resolution-thread.ts')));
  try {
    return await new Promise<ResolvedConflict>((resolve, reject) => {
      const send = (message: ToResolutionThread): void => worker.postMessage(message);
      const receive = (message: FromResolutionThread): void => {
        if (message.kind === 'resolved') resolve(message.resolved);
        else if (message.kind === 'failed') reject(failureOf(message));
        else answer(message.question).then((answer) => send({ kind: 'answer', answer }), reject);
      };
      worker.on('message', receive);
      worker.on('error', reject);
      worker.on('exit', () => reject(new Error('The thread of a state resolution ended.')));
      send({ kind: 'resolve', versionId: version.id, conflict });
    });
  } finally {
    await worker.terminate();
  }
}

function failureOf({ reason, message }: Extract<FromResolutionThread, { kind: 'failed' }>): Error {
  return reason === undefined ? new Error(message) : new ResolutionError(reason, message);
}
