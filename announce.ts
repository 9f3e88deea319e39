/** What `npm start` prints once Calpair runs. */

interface Started {
  readonly apiUrl: string | null;
  readonly madeApiKey: { readonly key: string; readonly file: string; readonly isNew: boolean } | null;
  readonly temporalUiUrl: string | null;
}

/** A new API key is printed once, and only to a terminal: other outputs are kept in logs. */
export function announce({ apiUrl, madeApiKey, temporalUiUrl }: Started): void {
  const key =
    madeApiKey?.isNew === true && process.stdout.isTTY === true
      ? `${madeApiKey.key}  (shown once; kept in ${madeApiKey.file})`
      : madeApiKey === null
        ? null
        : `in ${madeApiKey.file}`;
  const lines: [string, string | null][] = [
    ['API and console', apiUrl],
    ['API description', apiUrl === null ? null : `${apiUrl}/docs`],
    ['API key', key],
    ['Temporal', temporalUiUrl],
  ];
  console.log(
    [
      '',
      'Calpair runs. Ctrl-C ends it.',
      ...lines.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(17)}${value}`])),
      '',
    ].join('\n'),
  );
}
