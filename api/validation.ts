/**
 * zod schemas of the API: requests are validated with a message for each field, responses contain only what their
 * schema names.
 */
import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import { POLL_INTERVAL_SECONDS } from '../core/waiting-times.ts';
import { type ApiError, errorBody, type FieldError, invalidFields } from './errors.ts';
import { useOwnWords } from './issue-words.ts';

useOwnWords();

/** For Fastify's `setValidatorCompiler`. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data) => {
    const result = schema.safeParse(data);
    return result.success ? { value: result.data } : { error: invalidInput(result.error) };
  };

/** Validates data with a provider's schema; unknown keys are refused. @throws ApiError `validation` */
export function check<T>(schema: z.ZodType<T>, data: unknown): T {
  const strict = schema instanceof z.ZodObject ? (schema.strict() as unknown as z.ZodType<T>) : schema;
  const result = strict.safeParse(data);
  if (!result.success) throw invalidInput(result.error);
  return result.data;
}

/** Fastify gives an error without a `code` one of its own; an `ApiError` keeps its code. */
function invalidInput(error: z.ZodError): ApiError {
  return invalidFields(
    error.issues
      .slice(0, MOST_ERRORS)
      .flatMap((issue) => fieldErrors(issue))
      .slice(0, MOST_ERRORS),
  );
}
const MOST_ERRORS = 20;

/** An unknown key is reported as a field of its own; of a union, the alternative with the fewest errors is reported. */
function fieldErrors(issue: z.core.$ZodIssue, parent: readonly PropertyKey[] = []): FieldError[] {
  const path = [...parent, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldOf([...path, key]), message: 'is unknown' }));
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

/** Text without control characters: calendars do not show them, and PostgreSQL does not store all of them. */
export function text(most: number, least = 1) {
  return (
    z
      .string()
      .min(least)
      .max(most)
      // Spelled out: not every tool that reads the document knows `\P{Cc}`.
      // eslint-disable-next-line no-control-regex
      .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/u, 'must not contain control characters')
      .refine(isWellFormed, NOT_WELL_FORMED)
  );
}

/** JSON can name half a character (RFC 8259 8.2), which UTF-8 cannot: it would be stored as another one. */
export function isWellFormed(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}
export const NOT_WELL_FORMED = 'must not contain half of a surrogate pair';

/** An instant in a response. */
export const instant = z.iso.datetime({ precision: 3 });

export function instantOf(date: Date): string;
export function instantOf(date: Date | null): string | null;
export function instantOf(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}

export const pollInterval = z.int().min(POLL_INTERVAL_SECONDS.least).max(POLL_INTERVAL_SECONDS.most);

/** The errors of every route, for the OpenAPI document and for serializing them. */
export const errorResponses = {
  '4xx': {
    description: 'Refused; `code` is the reason.',
    content: { 'application/problem+json': { schema: errorBody } },
  },
  '5xx': {
    description: 'Failed; `code` is the reason.',
    content: { 'application/problem+json': { schema: errorBody } },
  },
};

/** A side of a pair. */
export const side = z.enum(['caldav', 'cloud']);

/** Path parameters are only looked up: a malformed id is an unknown one. */
export const idParam = z.object({ id: z.string() });

/** The answer of a DELETE. */
export const nothing = z.undefined().describe('Done.');
