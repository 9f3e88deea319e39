/** What to do where a service refuses a sign-in for good: by the codes of Google and Microsoft. */

const SIGN_IN = 'Sign in again.';
const ADMIN_ALLOWS =
  'The organisation does not allow this app. Its administrator has to allow it; sign in again if that is not enough.';
const OPERATOR_CLIENT =
  "The service refused this installation's OAuth client. Its operator has to check the client's id and secret.";
const POLICY =
  'A policy of the organisation refused this sign-in. Sign in again; if that is not enough, ask its administrator.';
const DISABLED = 'The account is disabled or was deleted. Ask the administrator of the organisation.';
const SUSPENDED =
  "The service has suspended the account. Sign in on the service's own page and follow what it says there.";
const SCOPES =
  'The sign-in does not include everything that Calpair needs. Sign in again and allow all that is asked for.';
const PROJECT =
  'Google refused the Google Cloud project of this installation. Its operator has to look there whether it is ' +
  'suspended or its billing has ended.';
const NO_MAILBOX = 'The account has no mailbox at Microsoft any more, or its licence has ended. Ask the administrator.';
const NOT_IN_TENANT = 'The account does not exist in the organisation (tenant) that this installation is set up for.';
const TENANT =
  "The service refused this installation's OAuth client. Its operator has to check the client's tenant " +
  '(MICROSOFT_TENANT) and which accounts it is open to.';

/** By `error` of a token answer (RFC 6749), `reason` of Google's API and `code` of Graph, in lower case. */
const BY_CODE: Readonly<Record<string, string>> = {
  invalid_grant: SIGN_IN,
  interaction_required: SIGN_IN,
  login_required: SIGN_IN,
  consent_required: SIGN_IN,
  invalid_rapt: SIGN_IN,
  rapt_required: SIGN_IN,
  access_denied: ADMIN_ALLOWS,
  admin_policy_enforced: ADMIN_ALLOWS,
  policy_enforced: ADMIN_ALLOWS,
  domainpolicy: ADMIN_ALLOWS,
  domain_policy: ADMIN_ALLOWS,
  user_blocked_by_admin: ADMIN_ALLOWS,
  org_restriction_violation: ADMIN_ALLOWS,
  security_policy_violated: ADMIN_ALLOWS,
  location_policy_violated: ADMIN_ALLOWS,
  authorization_requestdenied: ADMIN_ALLOWS,
  authorization_identitynotfound: ADMIN_ALLOWS,
  insufficientpermissions: SCOPES,
  access_token_scope_insufficient: SCOPES,
  app_not_verified: ADMIN_ALLOWS,
  org_internal:
    "This installation's OAuth client is for one organisation only, and this account does not belong to it. " +
    'The operator has to open the client to others, or use an account of that organisation.',
  invalid_client: OPERATOR_CLIENT,
  unauthorized_client: OPERATOR_CLIENT,
  disabled_client: OPERATOR_CLIENT,
  deleted_client: OPERATOR_CLIENT,
  restricted_client: OPERATOR_CLIENT,
  invalid_scope: OPERATOR_CLIENT,
  access_not_configured:
    'The Google Calendar API is not enabled for this installation. Its operator has to enable it in the Google Cloud ' +
    'project of the OAuth client.',
  consumer_suspended: PROJECT,
  user_project_denied: PROJECT,
  billing_disabled: PROJECT,
  notacalendaruser:
    'Google Calendar is not turned on for this account. The person or an administrator has to turn it on.',
  accountdisabled: DISABLED,
  accountdeleted: DISABLED,
  account_disabled: DISABLED,
  account_state_invalid: DISABLED,
  account_suspended: SUSPENDED,
  erroraccountsuspend: SUSPENDED,
  erroraccountsuspendshowtierupgrade: SUSPENDED,
  mailboxnotenabledforrestapi: NO_MAILBOX,
  mailboxnotsupportedforrestapi: NO_MAILBOX,
  errornonexistentmailbox: NO_MAILBOX,
  organizationfromtenantguidnotfound: NO_MAILBOX,
};

/** By the number of Microsoft's `AADSTS…` codes. */
const BY_NUMBER: Readonly<Record<string, string>> = {
  50020: 'The account does not belong to the organisation (tenant) that this installation is set up for.',
  50034: NOT_IN_TENANT,
  50053: 'The account is locked. Wait, or ask the administrator of the organisation; then sign in again.',
  50057: DISABLED,
  50074: SIGN_IN,
  50076: SIGN_IN,
  50079: SIGN_IN,
  50097: POLICY,
  50105:
    'The account is not assigned to this app. The administrator of the organisation has to assign the person to it.',
  50131: POLICY,
  50194: TENANT,
  51004: NOT_IN_TENANT,
  53000: POLICY,
  53001: POLICY,
  53002: POLICY,
  53003: POLICY,
  53004: POLICY,
  65001: 'Nobody has consented to this app yet. Sign in again and agree, or ask the administrator to agree for all.',
  65004: 'The consent was refused. Sign in again and agree.',
  65005: OPERATOR_CLIENT,
  70011: OPERATOR_CLIENT,
  90002: TENANT,
  90023: TENANT,
  90072: NOT_IN_TENANT,
  90094: ADMIN_ALLOWS,
  500212: ADMIN_ALLOWS,
  500213: ADMIN_ALLOWS,
  500341: DISABLED,
  650052: NO_MAILBOX,
  650057: OPERATOR_CLIENT,
  900023: TENANT,
  500011: OPERATOR_CLIENT,
  500014: ADMIN_ALLOWS,
  530003: POLICY,
  530032: POLICY,
  530034: POLICY,
  530035: POLICY,
  700016: OPERATOR_CLIENT,
  7000112: ADMIN_ALLOWS,
  7000215: OPERATOR_CLIENT,
  7000218: OPERATOR_CLIENT,
  7000222: "The secret of this installation's OAuth client has expired. Its operator has to create a new one.",
};

/** Undefined for codes that do not concern the sign-in. `detail` may be an `AADSTS` code. */
export function adviceFor(code: string, detail = ''): string | undefined {
  return BY_NUMBER[detail.replace(/^AADSTS/, '')] ?? BY_CODE[BY_NAME[code] ?? code.toLowerCase()];
}

/** Other names of the same. */
const BY_NAME: Readonly<Record<string, string>> = {
  accessNotConfigured: 'access_not_configured',
  SERVICE_DISABLED: 'access_not_configured',
  CONSUMER_INVALID: 'access_not_configured',
};
