/** Google's palettes (`GET /colors`). */
interface Color {
  readonly background: string;
  readonly foreground: string;
}

const CALENDAR =
  '#ac725e #d06b64 #f83a22 #fa573c #ff7537 #ffad46 #42d692 #16a765 #7bd148 #b3dc6c #fbe983 #fad165 ' +
  '#92e1c0 #9fe1e7 #9fc6e7 #4986e7 #9a9cff #b99aff #c2c2c2 #cabdbf #cca6ac #f691b2 #cd74e6 #a47ae2';
const EVENT = '#a4bdfc #7ae7bf #dbadff #ff887c #fbd75b #ffb878 #46d6db #e1e1e1 #5484ed #51b749 #dc2127';

export const COLORS: {
  readonly calendar: Readonly<Record<string, Color>>;
  readonly event: Readonly<Record<string, Color>>;
} = {
  calendar: palette(CALENDAR),
  event: palette(EVENT),
};

/** The entry of the calendar palette that is nearest to a colour. */
export function nearestColorId(rgb: string): string {
  let best = '1';
  let least = Infinity;
  for (const [id, { background }] of Object.entries(COLORS.calendar)) {
    const distance = channels(background).reduce((sum, value, index) => sum + (value - channels(rgb)[index]!) ** 2, 0);
    if (distance < least) [best, least] = [id, distance];
  }
  return best;
}

function palette(colors: string): Record<string, Color> {
  return Object.fromEntries(
    colors.split(' ').map((background, index) => [String(index + 1), { background, foreground: '#1d1d1d' }]),
  );
}

function channels(rgb: string): number[] {
  return [1, 3, 5].map((index) => parseInt(rgb.slice(index, index + 2), 16));
}
