/** Finds a piece of source text however a formatter has laid it out: white space and trailing commas do not count. */

/** @returns {string[]} the text around each occurrence of `piece`; one string where it does not occur */
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
