/** A whole installation for tests in a browser: Calpair, a real Radicale, fakes of both clouds, and a Chromium. */
import { randomBytes } from 'node:crypto';
import type { Browser } from 'playwright-core';
import { type GoogleFake, startGoogle } from '../fakes/google/start.ts';
import { type GraphFake, startGraph } from '../fakes/graph/start.ts';
import { googleEnvironment, microsoftEnvironment, type RunningCalpair, startCalpair } from '../support/calpair.ts';
import { type DavServer, startRadicale } from '../support/dav.ts';
import { launchChromium } from './chromium.ts';
import { Visitor } from './visitor.ts';

export interface Installation {
  readonly calpair: RunningCalpair;
  readonly radicale: DavServer;
  readonly google: GoogleFake;
  readonly graph: GraphFake;
  /** A person with a browser of their own, on the page at this path. */
  visit(path?: string): Promise<Visitor>;
  stop(): Promise<void>;
}

/** @param environment more variables for Calpair */
export async function startInstallation(environment: Readonly<Record<string, string>> = {}): Promise<Installation> {
  const [radicale, google, graph, browser] = await Promise.all([
    startRadicale(),
    startGoogle({ mayReach: true }),
    startGraph({ mayReach: true }),
    launchChromium(),
  ]);
  for (const fake of [google, graph]) fake.askPerson(true);
  const calpair = await startCalpair({
    ...googleEnvironment(google),
    GOOGLE_OAUTH_AUTH_URL: google.authUrl,
    ...microsoftEnvironment(graph),
    MICROSOFT_OAUTH_AUTH_URL: graph.authUrl,
    CALPAIR_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ...environment,
  });
  return {
    calpair,
    radicale,
    google,
    graph,
    visit: (path = '/') => visit(browser, calpair, [google.rootUrl, graph.rootUrl], path),
    async stop() {
      await browser.close();
      await calpair.stop();
      await Promise.all([radicale.stop(), google.close(), graph.close()]);
    },
  };
}

async function visit(browser: Browser, calpair: RunningCalpair, services: string[], path: string): Promise<Visitor> {
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
    viewport: { width: 1200, height: 800 },
  });
  // Of a busy machine.
  context.setDefaultTimeout(40_000);
  const visitor = await Visitor.in(context, [calpair.api.url, ...services]);
  await visitor.page.goto(new URL(path, calpair.api.url).href);
  return visitor;
}
