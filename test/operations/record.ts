/**
 * Owns the record of which requests each test made: loaded before every test file, it notes what was answered to fetch, and
 * to node:http, by which servers in the process of a test ask each other.
 */
import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import { ClientRequest, IncomingMessage } from 'node:http';
import path from 'node:path';
import { beforeEach } from 'node:test';
import { recordVariable, type RecordedCall, type TestRecord } from '#test/operations/test-record.ts';

/** A test that sends thousands of messages says nothing more with each of them. */
const callsMax = 2_000;

const directory = process.env[recordVariable];
if (directory !== undefined) startRecording(directory);

function startRecording(to: string): void {
  const records: (TestRecord & { calls: RecordedCall[] })[] = [];
  const file = path.relative(process.cwd(), process.argv[1] ?? '');
  beforeEach((context) => {
    records.push({ file, name: context.fullName, calls: [] });
  });
  const note = (current: (typeof records)[number] | undefined, call: RecordedCall): void => {
    if (current === undefined || current.calls.length >= callsMax) return;
    const last = current.calls.at(-1);
    const isRepeated = last?.method === call.method && last.path === call.path && last.status === call.status;
    if (!isRepeated) current.calls.push(call);
  };
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const current = records.at(-1);
    const response = await original(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    note(current, { method, path: url.pathname, status: response.status });
    return response;
  };
  subscribe('http.client.response.finish', (message) => {
    if (typeof message !== 'object' || message === null || !('request' in message && 'response' in message)) return;
    const { request, response } = message;
    if (!(request instanceof ClientRequest) || !(response instanceof IncomingMessage)) return;
    const pathname = request.path.split('?', 1)[0] ?? request.path;
    note(records.at(-1), { method: request.method, path: pathname, status: response.statusCode ?? 0 });
  });
  process.on('exit', () => {
    const made = records.filter(({ calls }) => calls.length > 0);
    if (made.length > 0) writeFileSync(path.join(to, `${process.pid}.json`), JSON.stringify(made));
  });
}
