/** Owns the real browser of the tests: the system's Chromium, which asks nobody outside for anything. */
import { chromium, type Browser, type Page } from 'playwright-core';
import { existsSync } from 'node:fs';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export type TestBrowser = AsyncDisposable & {
  /** A person's own browser profile with one page; what its console complains of is kept. */
  openProfile(options?: { phone?: boolean; dark?: boolean }): Promise<Profile>;
};

export const sizes = { desk: { width: 1100, height: 720 }, phone: { width: 390, height: 780 } } as const;

export type Profile = {
  readonly page: Page;
  readonly look: { readonly viewport: (typeof sizes)['desk' | 'phone']; readonly colorScheme: 'light' | 'dark' };
  /** Errors of the page: scripts that failed and what its policy has blocked. */
  readonly complaints: readonly string[];
};

/** The path of the system's browser; undefined where there is none. `CAUSEWAY_TEST_BROWSER` names another. */
export function findBrowser(): string | undefined {
  return process.env['CAUSEWAY_TEST_BROWSER'] ?? places.find((place) => existsSync(place));
}

export async function startBrowser(executablePath: string): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({ executablePath, args: flags, headless: true });
  return {
    async openProfile({ phone = false, dark = false } = {}) {
      const look = { viewport: phone ? sizes.phone : sizes.desk, colorScheme: dark ? 'dark' : 'light' } as const;
      const context = await browser.newContext(look);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        // A server that is away is what the page reports by itself.
        const isExpected = message.text().includes('Failed to load resource');
        if (message.type() === 'error' && !isExpected) complaints.push(message.text());
      });
      return { page, look, complaints };
    },
    [Symbol.asyncDispose]: () => browser.close(),
  };
}
