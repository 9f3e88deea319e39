/** A number of the command line, `--name=5`, where a test file is run by itself; else `otherwise`. */
export function numberArgument(name: string, otherwise: number): number {
  const start = `--${name}=`;
  return Number(process.argv.find((one) => one.startsWith(start))?.slice(start.length) ?? otherwise);
}

/** The seed of random schedules: `--seed=5`, or `TEST_CALPAIR_SEED`; by default the same one each time. */
export function seedArgument(): number {
  return numberArgument('seed', Number(process.env['TEST_CALPAIR_SEED'] ?? 1));
}
