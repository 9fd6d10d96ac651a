// Colors of points by the values of a column, or by labels, and the key to them.

// From viridis of matplotlib (Smith, van der Walt and Firing 2015), which grows evenly in lightness
// and is told apart by the color blind.
const RAMP = [
  [68, 1, 84],
  [72, 40, 120],
  [62, 74, 137],
  [49, 104, 142],
  [38, 130, 142],
  [31, 158, 137],
  [53, 183, 121],
  [110, 206, 88],
  [181, 222, 43],
  [253, 231, 37],
];
const NONE = [128, 132, 140];
// Okabe and Ito (2008), for the color blind.
const GROUPS = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];
const MOST_GROUPS = 7;

// Opacity of points of sources that are shown as cards, with a value and without one, and of the
// others; the more opaque ones lie on top.
export const OPACITIES = [200, 120, 28];
const [PLAIN, PALE, DIM] = OPACITIES;

// Colors of all rows as bytes, and the key: `{ low, high }` of numbers, or `{ groups }`, names with
// their colors. `values(row)` is null where there is none; `known` has colors of names.
export function colorsBy(kind, values, total, known = null) {
  return kind === 'number' ? ramp(values, total) : groups(values, total, known);
}

function ramp(values, total) {
  const colors = new Uint8Array(4 * total);
  const there = [];
  for (let row = 0; row < total; row += 1) {
    const value = values(row);
    if (value !== null) there.push(value);
  }
  const sorted = Float64Array.from(there).sort();
  // A few values far away take no colors from the others.
  const low = sorted[Math.floor(0.01 * (sorted.length - 1))] ?? 0;
  const high = sorted[Math.ceil(0.99 * (sorted.length - 1))] ?? 1;
  for (let row = 0; row < total; row += 1) {
    const value = values(row);
    const part = high > low ? Math.min(1, Math.max(0, (value - low) / (high - low))) : 0.5;
    set(colors, row, value === null ? NONE : along(part));
  }
  return { colors, key: { low, high } };
}

function along(part) {
  const place = part * (RAMP.length - 1);
  const left = Math.min(Math.floor(place), RAMP.length - 2);
  return RAMP[left].map((band, k) => band + (place - left) * (RAMP[left + 1][k] - band));
}

function groups(values, total, known) {
  const colors = new Uint8Array(4 * total);
  const counts = new Map();
  for (let row = 0; row < total; row += 1) {
    const value = values(row);
    if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  const shown = names.slice(0, MOST_GROUPS).sort();
  const ofName = new Map(shown.map((name, k) => [name, known?.get(name) ?? GROUPS[k]]));
  for (let row = 0; row < total; row += 1) set(colors, row, ofName.get(values(row)) ?? NONE);
  const key = [...ofName];
  if (key.length < names.length) key.push(['others', NONE]);
  return { colors, key: { groups: key } };
}

function set(colors, row, [red, green, blue]) {
  colors[4 * row] = red;
  colors[4 * row + 1] = green;
  colors[4 * row + 2] = blue;
}

// Points of rows that are shown stand out from the others, and those with a value among them.
export function setOpacity(colors, shown, total) {
  for (let row = 0; row < total; row += 1) colors[4 * row + 3] = DIM;
  for (const row of shown) {
    const isNone = NONE.every((band, k) => colors[4 * row + k] === band);
    colors[4 * row + 3] = isNone ? PALE : PLAIN;
  }
}

// Red, green and blue of a color in hexadecimal digits, such as #1c6b3c.
export const bytes = (text) => [1, 3, 5].map((at) => parseInt(text.trim().slice(at, at + 2), 16));
export const css = ([red, green, blue]) => `rgb(${red} ${green} ${blue})`;
export const rampCss = () => `linear-gradient(to right, ${RAMP.map(css).join(', ')})`;
