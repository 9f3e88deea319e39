/** A person at a browser: what they see is checked for accessibility, and can be kept as pictures. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BrowserContext, CDPSession, Page } from 'playwright-core';
import { API_KEY } from '../support/calpair.ts';

/** A folder: a picture of every page and state is put there, in light, dark and phone width. */
const SCREENSHOTS_VARIABLE = 'TEST_CALPAIR_SCREENSHOTS';
/** `webp` (as in docs) or `png`. */
const TYPE_VARIABLE = 'TEST_CALPAIR_SCREENSHOT_TYPE';

const AXE = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** What the focused control is called. */
const FOCUSED = `((e) => (e.getAttribute('aria-label') || e.labels?.[0]?.innerText || e.innerText || e.tagName).trim())(
  document.activeElement)`;
const DESKTOP = { width: 1200, height: 800 };
const PHONE = { width: 360, height: 740 };

export class Visitor {
  readonly page: Page;
  /** What must not happen on any page: errors, refusals of the policy, requests to outside. */
  readonly faults: string[] = [];
  /** What `seen` has been called for. */
  readonly seen: string[] = [];
  readonly #devtools: CDPSession;

  private constructor(page: Page, devtools: CDPSession, origins: readonly string[]) {
    [this.page, this.#devtools] = [page, devtools];
    const hosts = origins.map((url) => new URL(url).host);
    page.on('pageerror', (error) => this.faults.push(`error: ${error.message}`));
    page.on('console', (message) => {
      // The browser notes every answer from 400 on, which the API gives on purpose.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        this.faults.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.protocol !== 'data:' && !hosts.includes(url.host)) this.faults.push(`request to ${url.host}`);
    });
  }

  static async in(context: BrowserContext, origins: readonly string[]): Promise<Visitor> {
    const page = await context.newPage();
    return new Visitor(page, await context.newCDPSession(page), origins);
  }

  async signIn(key = API_KEY): Promise<void> {
    await this.page.getByLabel('API key').fill(key);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.page.getByRole('button', { name: 'Sign out' }).waitFor();
  }

  /** Moves to a page of the console by its address. */
  async go(hash: string): Promise<void> {
    await this.#evaluate(`location.hash = ${JSON.stringify(hash)}`);
    await this.page.locator('main .loading').waitFor({ state: 'detached' });
  }

  /** Fails if axe finds anything in light or dark, or at phone width, or if the page is wider than a phone. */
  async look(name: string): Promise<void> {
    this.seen.push(name);
    await this.page.setViewportSize(DESKTOP);
    await this.#evaluate('scrollTo(0, 0)');
    await this.page.locator('main .loading').waitFor({ state: 'detached' });
    await this.#inspect(name, 'light');
    await this.page.emulateMedia({ colorScheme: 'dark' });
    await this.#inspect(name, 'dark', ['color-contrast']);
    await this.page.emulateMedia({ colorScheme: 'light' });
    await this.page.setViewportSize(PHONE);
    await this.#inspect(name, 'phone', ['color-contrast', 'target-size', 'scrollable-region-focusable']);
    const width = Number(await this.#evaluate('document.documentElement.scrollWidth'));
    assert.ok(width <= PHONE.width, `${name}: ${width} pixels wide on a phone`);
    await this.page.setViewportSize(DESKTOP);
    assert.deepEqual(this.faults, [], name);
  }

  /** Presses Tab until the control with this label or these words has the focus. */
  async tabTo(words: RegExp): Promise<void> {
    const met: string[] = [];
    for (let n = 0; n < 60; n++) {
      await this.page.keyboard.press('Tab');
      const name = await this.focused();
      if (words.test(name)) return;
      met.push(name);
    }
    throw new Error(`the keyboard does not lead to ${words}, but to ${met.join(' | ')}`);
  }

  /** What the control that has the focus is called. */
  async focused(): Promise<string> {
    return String(await this.#evaluate(FOCUSED));
  }

  async close(): Promise<void> {
    await this.page.context().close();
    assert.deepEqual(this.faults, []);
  }

  async #inspect(name: string, look: string, rules?: readonly string[]): Promise<void> {
    await this.#keepPicture(`${name}-${look}`);
    if (!(await this.#evaluate('Boolean(globalThis.axe)'))) await this.#evaluate(`${AXE};0`);
    const runOnly = rules ? { type: 'rule', values: rules } : { type: 'tag', values: WCAG };
    const found = (await this.#evaluate(
      `axe.run(document, ${JSON.stringify({ runOnly, resultTypes: ['violations'] })}).then(({ violations }) =>
        violations.map(({ id, help, nodes }) => id + ': ' + help + ': ' + nodes.map(({ html }) => html).join(' | ')))`,
    )) as string[];
    assert.deepEqual(found, [], `axe on ${name}, ${look}`);
  }

  async #keepPicture(name: string): Promise<void> {
    const folder = process.env[SCREENSHOTS_VARIABLE];
    if (!folder) return;
    // What is fixed to the window would be in the middle of a picture of the whole page.
    await this.#evaluate("document.getElementById('message')?.replaceChildren()");
    const format = process.env[TYPE_VARIABLE] ?? 'webp';
    mkdirSync(folder, { recursive: true });
    const { width, height: visible } = this.page.viewportSize() ?? DESKTOP;
    const isDialog = await this.page.locator('dialog[open]').isVisible();
    const height = isDialog ? visible : Number(await this.#evaluate('document.documentElement.scrollHeight'));
    const isForDocs = format === 'webp';
    const { data } = await this.#devtools.send('Page.captureScreenshot', {
      format: format as 'webp' | 'png',
      ...(isForDocs ? { quality: 40 } : {}),
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width, height: Math.min(height, 2400), scale: isForDocs && width > PHONE.width ? 0.75 : 1 },
    });
    writeFileSync(path.join(folder, `${name}.${format}`), Buffer.from(data, 'base64'));
  }

  /** Through the developer tools, which the page's policy does not bind. */
  async #evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.#devtools.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
}
