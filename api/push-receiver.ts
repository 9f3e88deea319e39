/** What verifies the notifications of calendar services (`routes/webhooks.ts`). */
import type { IncomingHttpHeaders } from 'node:http';

/** Verifies notifications and notifies the pairs that they are about. False: forged, and nothing was changed. */
export interface PushReceiver {
  /** The channel's token and ids are in the headers. */
  google(headers: IncomingHttpHeaders): Promise<boolean>;
  /** A batch in JSON; each item has its own `clientState`. */
  microsoft(body: Buffer): Promise<boolean>;
  /**
   * An encrypted message (RFC 8291) for a push resource (RFC 8030). `unsigned`: the signature of the server (RFC 8292)
   * is wrong or missing, and nothing was changed.
   */
  webdav(token: string, headers: IncomingHttpHeaders, body: Buffer): Promise<boolean | 'unsigned'>;
}
