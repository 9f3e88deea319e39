/** Colours of calendars: Graph has names, and an exact colour only where a person has chosen one. */

/** What Outlook shows for each name. */
const COLORS: Readonly<Record<string, string>> = {
  lightBlue: '#a6d1f5',
  lightGreen: '#87d28e',
  lightOrange: '#fcab73',
  lightGray: '#c0c0c0',
  lightYellow: '#f5f552',
  lightTeal: '#4adacc',
  lightPink: '#f08cc0',
  lightBrown: '#cba287',
  lightRed: '#f88c9b',
  maxColor: '#a6d1f5',
};

/** `#rrggbb` in lower case; null for a calendar with an automatic colour. */
export function hexColor(exact: unknown, name: unknown): string | null {
  if (typeof exact === 'string' && /^#[0-9a-f]{6}$/i.test(exact)) return exact.toLowerCase();
  return typeof name === 'string' && Object.hasOwn(COLORS, name) ? COLORS[name]! : null;
}

/** The name of the nearest colour; `color` is `#rrggbb`. */
export function colorName(color: string): string {
  const [target, named] = [partsOf(color), Object.entries(COLORS).filter(([name]) => name !== 'maxColor')];
  const distance = (hex: string): number => partsOf(hex).reduce((sum, part, at) => sum + (part - target[at]!) ** 2, 0);
  return named.reduce((best, one) => (distance(one[1]) < distance(best[1]) ? one : best))[0];
}

/** By hue, which distinguishes colours better than brightness does: each part relative to the range of all three. */
function partsOf(hex: string): number[] {
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const [least, most] = [Math.min(...parts), Math.max(...parts)];
  return most - least < 24 ? [0, 0, 0] : parts.map((part) => (part - least) / (most - least));
}
