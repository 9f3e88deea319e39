/**
 * zod at the API's border: what comes in is checked with a message for each field, what goes out holds only what its
 * schema names.
 */
import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import { type ApiError, errorBody, type FieldError, invalidFields } from './errors.ts';

/** For Fastify's `setValidatorCompiler`. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: invalidInput(result.error) };
  };

/** Checks what a schema of a provider takes; keys that it does not know are refused. @throws ApiProblem `validation` */
export function check<T>(schema: z.ZodType<T>, data: unknown): T {
  const strict = schema instanceof z.ZodObject ? (schema.strict() as unknown as z.ZodType<T>) : schema;
  const result = strict.safeParse(data);
  if (!result.success) throw invalidInput(result.error);
  return result.data;
}

/** Fastify adds a code of its own to what a validator gives back, so the code is not the error's own to lose. */
function invalidInput(error: z.ZodError): ApiError {
  return invalidFields(
    error.issues
      .slice(0, MOST_ERRORS)
      .flatMap((issue) => fieldErrors(issue))
      .slice(0, MOST_ERRORS),
  );
}
const MOST_ERRORS = 20;

/** An unknown key is reported as the field that it is; of alternatives, the one that came furthest. */
function fieldErrors(issue: z.core.$ZodIssue, parent: readonly PropertyKey[] = []): FieldError[] {
  const path = [...parent, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldOf([...path, key]), message: 'is not known here' }));
  }
  if (issue.code === 'invalid_union') {
    const fewest = [...issue.errors].filter((issues) => issues.length > 0).sort((a, b) => a.length - b.length)[0];
    if (fewest) return fewest.flatMap((inner) => fieldErrors(inner, path));
  }
  return [{ field: fieldOf(path), message: issue.message }];
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.map(String).join('.').slice(0, 200);
}

/** Text of a person: no control characters, which no calendar shows and PostgreSQL does not store. */
export function text(most: number, least = 1) {
  return z
    .string()
    .min(least)
    .max(most)
    .regex(/^\P{Cc}*$/u, 'must not contain control characters');
}

/** An instant as a response shows it. */
export const instant = z.iso.datetime({ precision: 3 });

export function instantOf(date: Date): string;
export function instantOf(date: Date | null): string | null;
export function instantOf(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}

export const pollInterval = z.int().min(5).max(86_400);

/** The refusals that every route may answer with, for the OpenAPI document and for serializing them. */
export const errorResponses = {
  '4xx': { description: 'Refused; `code` says why.', content: { 'application/problem+json': { schema: errorBody } } },
  '5xx': {
    description: 'Not possible now; `code` says why.',
    content: { 'application/problem+json': { schema: errorBody } },
  },
};

/** Path parameters are only ever looked up: what is no id is an unknown one. */
export const idParam = z.object({ id: z.string() });

/** The answer of a DELETE. */
export const nothing = z.undefined().describe('Done.');
