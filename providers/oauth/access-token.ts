/**
 * Access tokens of OAuth services: kept across polls and workers, renewed with a refresh token that the service may
 * replace at any time.
 */
import { SyncError } from '../../core/sync-error.ts';
import type { StoredToken, TokenStore } from '../provider.ts';

export interface TokenSource {
  /**
   * A token that is good for another minute; `refused` is one that the service has just answered with 401.
   * @throws SyncError `auth` when only a new sign-in helps
   */
  token(refused: string | null): Promise<string>;
}

/**
 * Requests a new access token. `refreshToken` in the answer is set only where the service sent another one.
 * @throws SyncError `auth`
 */
export type Refresh = (refreshToken: string) => Promise<StoredToken>;

const MARGIN_MS = 60_000;

/** No request is made before the first call of `token`. */
export function createTokenSource(refreshToken: string, tokens: TokenStore, refresh: Refresh): TokenSource {
  let current: StoredToken | null = null;
  let underWay: Promise<StoredToken> | null = null;

  const isGood = (token: StoredToken, refused: string | null): boolean =>
    token.accessToken !== refused && token.expiresAt - Date.now() > MARGIN_MS;

  /** Another worker may have renewed the token since: its token is as good as one of our own. */
  async function renew(refused: string | null, store: Pick<TokenStore, 'load' | 'save'>): Promise<StoredToken> {
    const stored = await store.load();
    if (stored && isGood(stored, refused)) return stored;
    const rotated = stored?.refreshToken;
    let renewed: StoredToken;
    try {
      renewed = await refresh(rotated ?? refreshToken);
    } catch (error) {
      if (!(error instanceof SyncError) || error.kind !== 'auth') throw error;
      // Another worker may have been quicker, and the service may accept a refresh token only once.
      const now = await store.load();
      if (now && now.accessToken !== stored?.accessToken && isGood(now, refused)) return now;
      if (rotated === undefined || rotated === refreshToken) throw error;
      renewed = await refresh(refreshToken);
    }
    const token =
      renewed.refreshToken === undefined && rotated !== undefined ? { ...renewed, refreshToken: rotated } : renewed;
    await store.save(token);
    return token;
  }

  /** Most polls find a good token; only a renewal needs exclusive access to the store. */
  async function find(refused: string | null): Promise<StoredToken> {
    if (!tokens.exclusively) return renew(refused, tokens);
    const stored = await tokens.load();
    if (stored && isGood(stored, refused)) return stored;
    return tokens.exclusively((store) => renew(refused, store));
  }

  return {
    async token(refused) {
      if (current && isGood(current, refused)) return current.accessToken;
      underWay ??= find(refused).finally(() => {
        underWay = null;
      });
      current = await underWay;
      return current.accessToken;
    },
  };
}

/** For credentials that are being checked: the token is stored later, with the account. */
export function tokensInMemory(): TokenStore & { readonly kept: () => StoredToken | null } {
  let token: StoredToken | null = null;
  return {
    kept: () => token,
    load: async () => token,
    save: async (saved) => {
      token = saved;
    },
  };
}
