/** Owns reading the body of another server's answer, with its size counted while it arrives. */
import type { IncomingMessage } from 'node:http';
import { BadAnswer, RemoteUnreachable } from '#federation/remote-errors.ts';

/** Rejects with a RemoteUnreachable for an answer that is too large, compressed or not whole. */
export function readAnswer(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const { 'content-encoding': encoding, 'content-length': length } = response.headers;
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      reject(new BadAnswer(`The answer is compressed (${encoding.slice(0, 40)}), which was not asked for.`));
      return;
    }
    const tooLarge = new BadAnswer(`The answer has more than ${bytesMax} bytes.`);
    if (Number(length ?? 0) > bytesMax) {
      reject(tooLarge);
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > bytesMax) reject(tooLarge);
      else chunks.push(chunk);
    });
    response.on('end', () => resolve(Buffer.concat(chunks, bytes)));
    response.on('error', reject);
    response.on('close', () => reject(new RemoteUnreachable('The answer broke off.')));
  });
}
