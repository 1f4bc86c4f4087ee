/**
 * Proves the first hour: two people set up a server in the browser and talk, while it is killed and started again. With
 * `CAUSEWAY_TEST_SCREENSHOTS=DIRECTORY` it writes the pictures of the documentation.
 */
import assert from 'node:assert/strict';
import axe from 'axe-core';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { test } from 'node:test';
import { findFreePort, makeDataRoot, startServerProcess, type ServerProcess } from '#test/support/server-process.ts';
import { awaitSetUpLink } from '#test/web/await-output.ts';
import { findBrowser, sizes, startBrowser, type Profile } from '#test/web/browser.ts';

const patienceMs = 30_000;
const browserPath = findBrowser();
const pictures = process.env['CAUSEWAY_TEST_SCREENSHOTS'];

if (browserPath === undefined) console.warn('This machine has no Chromium: the web page is not tested in a browser.');
else
  test('two people set the server up in a browser and talk, while it is killed and started again', () =>
    holdFirstHour(browserPath));

async function holdFirstHour(executablePath: string): Promise<void> {
  await using browser = await startBrowser(executablePath);
  const dataDir = path.join(await makeDataRoot(), 'data');
  const port = await findFreePort();
  const options = { dataDir, port, env: { CAUSEWAY_REGISTRATION_MODE: 'token' } };
  const startedMs = performance.now();
  let server: ServerProcess = await startServerProcess(options);
  try {
    const alice = await browser.openProfile();
    const bob = await browser.openProfile({ phone: true, dark: true });
    const link = await awaitSetUpLink(server);

    await setUpAs(alice, link);
    const invitation = await inviteToServer(alice);
    await registerAs(bob, invitation);
    await meet(alice.page, bob.page);
    await talk(alice.page, bob.page, [0, 1, 2, 3, 4]);

    await server.kill('SIGKILL');
    await alice.page.getByText('The server does not answer').waitFor({ timeout: patienceMs });
    await write(alice.page, 'written while the server was away');
    server = await startServerProcess(options);
    await expectMessage(bob.page, 'written while the server was away');
    await talk(alice.page, bob.page, [5, 6, 7, 8, 9]);
    await changeMinds(alice.page, bob.page);

    const tookMs = Math.round(performance.now() - startedMs);
    console.log(`From the start of the server to the end of the conversation: ${tookMs} ms`);
    await assertSameStory(alice.page, bob.page);
    await expectAccessible([alice, bob]);
    await takePictures(browser, alice, bob, invitation);
    await assertLinkIsUsedUp(browser, link);
    for (const { complaints } of [alice, bob]) assert.deepEqual(complaints, []);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

async function setUpAs(profile: Profile, link: string): Promise<void> {
  const { page } = profile;
  await page.goto(link);
  await page.getByRole('heading', { name: 'Set up your server' }).waitFor({ timeout: patienceMs });
  assert.equal(new URL(page.url()).hash, '', 'the token does not stay in the address');
  await picture(profile, 'set-up');
  await expectNoViolation(page, 'set-up');
  await page.getByLabel('User name').fill('alice');
  await page.getByLabel('Password').fill('a password for alice');
  await page.getByRole('button', { name: 'Create the administrator' }).click();
  await page.getByRole('button', { name: 'Invite to server' }).waitFor({ timeout: patienceMs });
}

async function inviteToServer(profile: Profile): Promise<string> {
  const { page } = profile;
  await page.getByRole('button', { name: 'Invite to server' }).click();
  const input = page.getByLabel('The link', { exact: true });
  await input.waitFor({ timeout: patienceMs });
  await page.getByRole('img', { name: 'QR code of the link' }).waitFor();
  await picture(profile, 'invitation');
  await expectNoViolation(page, 'invitation');
  const link = await input.inputValue();
  await page.keyboard.press('Escape');
  return link;
}

async function registerAs(profile: Profile, invitation: string): Promise<void> {
  const { page } = profile;
  await page.goto(invitation);
  const section = page.locator('section').filter({ hasText: 'You are invited' });
  await section.getByLabel('User name').fill('bob');
  await section.getByLabel('Password').fill('a password for bob');
  await picture(profile, 'invited');
  await expectNoViolation(page, 'invited');
  await section.getByRole('button', { name: 'Make the account' }).click();
  await page.getByRole('button', { name: 'New room' }).waitFor({ timeout: patienceMs });
}

async function meet(alice: Page, bob: Page): Promise<void> {
  await alice.getByRole('button', { name: 'New room' }).click();
  await alice.getByLabel('Name of the room').fill('Kitchen');
  await alice.getByLabel('Invite (names, separated by spaces)').fill('bob');
  await alice.getByRole('button', { name: 'Make the room' }).click();
  await bob.getByRole('button', { name: 'Invitation: Kitchen' }).click({ timeout: patienceMs });
  await bob.getByRole('button', { name: 'Join' }).click();
  for (const page of [alice, bob]) await page.getByLabel('Message', { exact: true }).waitFor({ timeout: patienceMs });
}

/** Each says something, and waits until the other has it. */
async function talk(alice: Page, bob: Page, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    await write(alice, `alice says ${number}`);
    await expectMessage(bob, `alice says ${number}`);
    await write(bob, `bob says ${number}`);
    await expectMessage(alice, `bob says ${number}`);
  }
}

/** An edit, a reaction and a redaction by each of them, seen by the other. */
async function changeMinds(alice: Page, bob: Page): Promise<void> {
  for (const [writer, reader, name] of [
    [alice, bob, 'alice'],
    [bob, alice, 'bob'],
  ] as const) {
    await act(writer, `${name} says 9`, 'Edit');
    await write(writer, `${name} meant nine`);
    await expectMessage(reader, `${name} meant nine`);
    await act(reader, `${name} says 8`, 'React with 👍');
    await messageOf(writer, `${name} says 8`)
      .getByRole('button', { name: /^👍, 1/ })
      .waitFor({ timeout: patienceMs });
    await act(writer, `${name} says 7`, 'Delete');
    await messageOf(reader, `${name} says 7`).waitFor({ state: 'detached', timeout: patienceMs });
    await act(writer, `${name} says 6`, 'Reply');
    await write(writer, `${name} adds to six`);
    await messageOf(reader, `${name} adds to six`).getByRole('blockquote').waitFor({ timeout: patienceMs });
  }
}

function messageOf(page: Page, text: string) {
  return page.locator('li.message').filter({ has: page.getByText(text, { exact: true }).and(page.locator('p.body')) });
}

async function expectMessage(page: Page, text: string): Promise<void> {
  await messageOf(page, text).waitFor({ timeout: patienceMs });
}

async function write(page: Page, text: string): Promise<void> {
  const input = page.getByLabel('Message', { exact: true });
  await input.fill(text);
  await input.press('Enter');
}

/** By keyboard, since the buttons of a message show themselves to the pointer and to the focus alike. */
async function act(page: Page, message: string, label: string): Promise<void> {
  const button = messageOf(page, message).getByRole('button', { name: label, exact: true });
  await button.focus();
  await button.press('Enter');
}

async function assertSameStory(alice: Page, bob: Page): Promise<void> {
  const bodies = (page: Page): Promise<string[]> => page.locator('li.message p.body').allTextContents();
  const told = await bodies(alice);
  assert.deepEqual(await bodies(bob), told);
  // Twenty messages, one written during the absence, two replies.
  assert.equal(told.length, 23);
  assert.equal(told.filter((body) => body === 'This message was deleted').length, 2);
}

async function expectAccessible(profiles: readonly Profile[]): Promise<void> {
  for (const { page } of profiles) await expectNoViolation(page, 'chat');
  const [alice] = profiles;
  if (alice === undefined) return;
  for (const name of ['New room', 'Write to…', 'Search', 'Other apps']) {
    await alice.page.getByRole('button', { name }).click();
    await alice.page.getByRole('dialog').waitFor();
    await expectNoViolation(alice.page, name);
    await alice.page.keyboard.press('Escape');
  }
}

async function expectNoViolation(page: Page, what: string): Promise<void> {
  // The policy of the page forbids scripts of others; the debugger is not bound by it.
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { axe: tool, document } = Object(globalThis);
    const result = await tool.run(document);
    return result.violations.map((each: { id: string; impact: string; nodes: { html: string }[] }) => ({
      id: each.id,
      impact: each.impact,
      html: each.nodes.map((node) => node.html).join('\n'),
    }));
  });
  const serious = violations.filter(({ impact }: { impact: string }) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(serious, [], what);
}

async function takePictures(
  browser: Awaited<ReturnType<typeof startBrowser>>,
  alice: Profile,
  bob: Profile,
  invitation: string,
): Promise<void> {
  await alice.page.getByLabel('Message', { exact: true }).focus();
  await picture(alice, 'chat');
  await bob.page.getByRole('button', { name: '‹ Rooms' }).click();
  await bob.page.getByRole('button', { name: 'Kitchen' }).waitFor();
  const carol = await browser.openProfile();
  await carol.page.goto(new URL('/', invitation).href);
  await carol.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await expectNoViolation(carol.page, 'sign in');
  await picture(carol, 'sign-in');
}

async function assertLinkIsUsedUp(browser: Awaited<ReturnType<typeof startBrowser>>, link: string): Promise<void> {
  const { page } = await browser.openProfile();
  await page.goto(link);
  await page.getByLabel('User name').fill('mallory');
  await page.getByLabel('Password').fill('a password for mallory');
  await page.getByRole('button', { name: 'Create the administrator' }).click();
  await page.getByText('This link has been used').waitFor({ timeout: patienceMs });
}

/** A page in light and dark, and on a phone; it looks afterwards as it did before. */
async function picture({ page, look }: Profile, name: string): Promise<void> {
  if (pictures === undefined) return;
  for (const [suffix, viewport, colorScheme] of [
    ['light', sizes.desk, 'light'],
    ['dark', sizes.desk, 'dark'],
    ['phone', sizes.phone, 'light'],
  ] as const) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: path.join(pictures, `${name}-${suffix}.png`) });
  }
  await page.setViewportSize(look.viewport);
  await page.emulateMedia({ colorScheme: look.colorScheme });
}
