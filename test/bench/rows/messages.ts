/** Owns the row `messages`: pages of a hundred events out of a room's history. */
import { runClosedLoop } from '#test/bench/closed-loop.ts';
import { type BenchContext, counted, elementAt, inParallel, type Row } from '#test/bench/context.ts';
import { RequestFailure } from '#test/bench/connection.ts';
import { type MatrixClient, messagesPath } from '#test/bench/matrix-client.ts';
import { percentile } from '#test/bench/recorder.ts';
import { makeRoom, messageContent } from '#test/bench/rows/send-load.ts';

const history = 1000;
const workers = 4;

export const messages: Row = {
  name: 'messages',
  run: async (context) => {
    const client = elementAt(await context.makeUsers(1), 0);
    const clients = Array.from({ length: workers }, () => client.on(context.connect()));
    const paths = await pagesOf(context, client);
    let next = 0;
    const loop = await runClosedLoop({
      workers,
      seconds: context.seconds,
      warmUpSeconds: context.seconds / 4,
      signal: context.signal,
      serverProcesses: context.serverProcesses,
      step: async (worker) => {
        next += 1;
        const body = await elementAt(clients, worker).call('GET', elementAt(paths, next % paths.length));
        // Parsing 40 kB would cost the generator more than the rest of the request.
        if (occurrences(body, '"event_id"') < 100) throw new RequestFailure('a page with less than 100 events');
        return true;
      },
    });
    return [
      {
        row: 'messages',
        measured: loop.perSecond,
        unit: '/s',
        p50Ms: percentile(loop.recorder.latenciesMs, 0.5),
        p99Ms: percentile(loop.recorder.latenciesMs, 0.99),
        ...counted(loop.recorder),
        notes: [`${workers} connections over ${paths.length} pages`],
        cpu: loop.cpu,
      },
    ];
  },
};

/** Fills a room and returns the paths of its full pages. */
async function pagesOf(context: BenchContext, client: MatrixClient): Promise<string[]> {
  const senders = Array.from({ length: 10 }, () => client.on(context.connect()));
  const roomId = await makeRoom(client, []);
  await inParallel(senders.length, senders.length, async (index) => {
    const sender = elementAt(senders, index);
    for (let number = 0; number < history / senders.length; number += 1) {
      await sender.send(roomId, messageContent(number));
    }
  });
  const paths: string[] = [];
  let from: string | undefined;
  for (let events = 0; events < history; events += 100) {
    const { chunk, end } = await client.messages(roomId, 100, from);
    if (chunk.length !== 100) throw new RequestFailure(`a page of ${chunk.length} events where 100 were there`);
    paths.push(messagesPath(roomId, 100, from));
    from = end;
  }
  return paths;
}

function occurrences(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}
