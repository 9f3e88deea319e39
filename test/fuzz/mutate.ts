/** Changes an input as libFuzzer does: bytes, copied and removed pieces, words of a dictionary, two inputs in one. */
import type { Random } from '../support/random.ts';

const BYTES = [
  '\0',
  '\t',
  '\n',
  '\r',
  ' ',
  '"',
  '&',
  ',',
  ':',
  ';',
  '<',
  '=',
  '>',
  '\\',
  '\x7f',
  '\x80',
  '\xc3',
  '\xff',
];
const NUMBERS = ['0', '-1', '1', '7', '60', '366', '9999', '2147483648', '9007199254740993', '1e9', '00', 'NaN'];
const MOST_CHANGES = 6;

/**
 * @param input bytes as a string, one character each
 * @param other an input that pieces are taken from
 * @param words texts that mean something to the reader
 */
export function mutate(
  input: string,
  other: string,
  words: readonly string[],
  random: Random,
  longest: number,
): string {
  let next = input;
  for (let change = random.below(MOST_CHANGES); change >= 0; change -= 1) next = once(next, other, words, random);
  return next.slice(0, longest);
}

function once(input: string, other: string, words: readonly string[], random: Random): string {
  const at = random.below(input.length + 1);
  const length = 1 + random.below(random.chance(0.5) ? 4 : 1 + Math.floor(input.length / 2));
  const [before, piece, after] = [input.slice(0, at), input.slice(at, at + length), input.slice(at + length)];
  switch (random.below(9)) {
    case 0:
      return before + after;
    case 1:
      return before + piece + piece + after;
    case 2:
      return before + random.pick(BYTES) + piece + after;
    case 3:
      return before + random.pick(words) + piece + after;
    case 4:
      return before + random.pick(words) + after;
    case 5: {
      const from = random.below(other.length + 1);
      return before + other.slice(from, from + length) + after;
    }
    case 6:
      return before + String.fromCharCode(random.below(256)) + piece.slice(1) + after;
    case 7:
      return withNumber(input, random);
    default:
      return withLine(input, other, random);
  }
}

/** Replaces a number. */
function withNumber(input: string, random: Random): string {
  const numbers = [...input.matchAll(/\d{1,16}/g)];
  if (numbers.length === 0) return input;
  const { 0: digits, index } = random.pick(numbers);
  const near = String(Math.max(0, Number(digits) + random.below(5) - 2)).padStart(digits.length, '0');
  const number = random.chance(0.5) ? near : random.pick(NUMBERS);
  return input.slice(0, index) + number + input.slice(index + digits.length);
}

/** Moves a line, or takes one of the other input. */
function withLine(input: string, other: string, random: Random): string {
  const lines = input.split('\n');
  const from = random.chance(0.5) ? lines : other.split('\n');
  lines.splice(random.below(lines.length + 1), random.below(2), random.pick(from));
  return lines.join('\n');
}
