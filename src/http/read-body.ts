/** Owns reading a request's body into memory, with its size counted while it arrives. */
import type { IncomingMessage } from 'node:http';
import type { QuotaShare } from '#core/quota.ts';
import { MatrixError } from '#matrix/error.ts';
import { tooMuchWaiting } from '#storage/overload.ts';

/** The client went away before it had sent its whole request: there is nobody to answer. */
export class ClientGoneError extends Error {
  override name = 'ClientGoneError';
}

const noBytes = Buffer.alloc(0);

/**
 * The bytes of the body, empty when there is none, taken out of `share` as they come. Throws M_TOO_LARGE (413) as soon as
 * more than `bytesMax` are announced or have come, M_UNKNOWN (415) for a compressed body: it could be any size once
 * unpacked, and 503 when all bodies together are too large to be held.
 */
export function readBody(request: IncomingMessage, bytesMax: number, share: QuotaShare): Buffer | Promise<Buffer> {
  const { 'content-length': length, 'transfer-encoding': transfer, 'content-encoding': encoding } = request.headers;
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new MatrixError('M_UNKNOWN', 'Bodies must be sent without Content-Encoding.', { status: 415 });
  }
  if (length !== undefined && Number(length) > bytesMax) throw tooLarge(bytesMax);
  if (transfer === undefined && (length === undefined || length === '0')) return noBytes;
  return collect(request, bytesMax, share);
}

function collect(request: IncomingMessage, bytesMax: number, share: QuotaShare): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > bytesMax || !share.take(chunk.length)) {
        // Whoever answers decides what becomes of the rest; the other listeners can do no more harm.
        request.pause().off('data', take);
        reject(bytes > bytesMax ? tooLarge(bytesMax) : tooMuchWaiting());
      } else {
        chunks.push(chunk);
      }
    };
    const end = (): void => {
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes));
    };
    const gone = (): void => {
      // A request closes after its end, too.
      if (!request.complete) reject(new ClientGoneError('The client went away while sending its request.'));
    };
    request.on('data', take).on('end', end).on('error', gone).on('close', gone);
  });
}

function tooLarge(bytesMax: number): MatrixError {
  return new MatrixError('M_TOO_LARGE', `The body of this request may have at most ${bytesMax} bytes.`);
}
