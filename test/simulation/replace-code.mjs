/** Finds a piece of source code whatever its formatting: white space and trailing commas are ignored. */

/** @returns {string[]} the text before, between and after the occurrences of `piece` */
export function splitAtCode(text, piece) {
  return text.split(new RegExp(patternOf(piece)));
}

/** @throws Error unless `piece` occurs exactly once */
export function replaceCode(text, piece, replacement) {
  const parts = splitAtCode(text, piece);
  if (parts.length !== 2) throw new Error(`the code to be replaced occurs ${parts.length - 1} times`);
  return parts.join(replacement);
}

function patternOf(piece) {
  const characters = [...piece.replace(/\s+/g, '').replace(/,(?=[)\]}])/g, '')];
  return characters
    .map((character) => (/[)\]}]/.test(character) ? ',?\\s*' : '') + character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&'))
    .join('\\s*');
}
