/** Module hooks: the workflows get Temporal in virtual time (`temporal.ts`). */
const WORKFLOWS = new URL('../../../workflows/', import.meta.url).href;

export function resolve(specifier, context, nextResolve) {
  if (specifier !== '@temporalio/workflow' || !context.parentURL?.startsWith(WORKFLOWS))
    return nextResolve(specifier, context);
  return nextResolve(new URL('./temporal.ts', import.meta.url).href, context);
}
