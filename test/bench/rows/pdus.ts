/** Owns the row `pdus`: making and checking events in this process, without a server, beside the bare signature. */
import { buildEvent } from '#matrix/build-event.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { validatePdu } from '#matrix/pdu-checks.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { generateSigningKey, importVerifyKey, signText } from '#matrix/signing-keys.ts';
import { checkSignatures, type Signer } from '#matrix/signing.ts';
import type { Measurement, Row } from '#test/bench/context.ts';

const serverName = 'bench.example';
const warmUpSeconds = 0.2;
/** What one core of the machine that the budgets were written on signs; the row's note has this machine's own rate. */
const referenceSignaturesPerSecond = 29_000;

export const pdus: Row = {
  name: 'pdus',
  run: ({ seconds }) => {
    const signer: Signer = { serverName, key: generateSigningKey('bench') };
    const version = requireVersion('11');
    const text = makeEvent(signer, version, 0);
    const bytes = Buffer.from(text);
    const key = importVerifyKey(signer.key.publicKey);
    if (key === undefined) throw new Error('A key that was just made cannot be read.');
    const keys = new Map([[signer.key.keyId, key]]);
    const share = Math.min(2, seconds) / 3;
    const bare = perSecond(share, (count) => signText(`${text}${count}`, signer.key));
    const made = perSecond(share, (count) => makeEvent(signer, version, count));
    const checked = perSecond(share, () => {
      const verdict = validatePdu(bytes, version);
      if (!verdict.ok || !verdict.event.contentHashMatches) throw new Error('The event is refused.');
      const { signedText, pdu } = verdict.event;
      if (!checkSignatures(signedText, pdu.signatures, serverName, keys).ok)
        throw new Error('The signature is refused.');
    });
    const note = `bare ed25519 signatures here ${rounded(bare)}/s, on the reference machine ${rounded(referenceSignaturesPerSecond)}/s`;
    return Promise.resolve<Measurement[]>([
      { row: 'pdus-signed', measured: made, unit: '/s', notes: [note] },
      { row: 'pdus-verified', measured: checked, unit: '/s', notes: [note] },
    ]);
  },
};

function makeEvent(signer: Signer, version: RoomVersion, count: number): string {
  const content: JsonObject = { msgtype: 'm.text', body: `A message of a usual length, the ${count}th of them.` };
  const ids = ['$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg', '$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk'];
  const verdict = buildEvent(
    { type: 'm.room.message', sender: `@user:${serverName}`, room_id: `!room:${serverName}`, content },
    {
      version,
      signer,
      prevEvents: ids.slice(0, 1),
      authEvents: ids,
      depth: count + 10,
      originServerTs: 1_700_000_000_000 + count,
    },
  );
  if (!verdict.ok) throw new Error(verdict.message);
  return verdict.event.json;
}

/** Runs `work` for so many seconds after a short warm-up. */
function perSecond(seconds: number, work: (count: number) => void): number {
  runFor(Math.min(warmUpSeconds, seconds), work);
  const started = performance.now();
  const count = runFor(seconds, work);
  return (count * 1000) / (performance.now() - started);
}

function runFor(seconds: number, work: (count: number) => void): number {
  const until = performance.now() + seconds * 1000;
  let count = 0;
  do {
    for (let turn = 0; turn < 20; turn++) work((count += 1));
  } while (performance.now() < until);
  return count;
}

function requireVersion(id: string): RoomVersion {
  const version = findRoomVersion(id);
  if (version === undefined) throw new Error(`There is no room version ${id}.`);
  return version;
}

function rounded(rate: number): string {
  return Math.round(rate).toLocaleString('en');
}
