/** Owns the record of which requests each test made: loaded before every test file, it notes what fetch was answered. */
import { writeFileSync } from 'node:fs';
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
  const original = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const current = records.at(-1);
    const response = await original(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    if (current !== undefined && current.calls.length < callsMax) {
      const last = current.calls.at(-1);
      const isRepeated = last?.method === method && last.path === url.pathname && last.status === response.status;
      if (!isRepeated) current.calls.push({ method, path: url.pathname, status: response.status });
    }
    return response;
  };
  process.on('exit', () => {
    const made = records.filter(({ calls }) => calls.length > 0);
    if (made.length > 0) writeFileSync(path.join(to, `${process.pid}.json`), JSON.stringify(made));
  });
}
