// Ids and tables of the sources that are shown, to the clipboard or a file.

import { csvLine, harmless } from './text.js';

// All columns and labels as lines of CSV, in the order of the page.
export async function csv(state) {
  const names = [...state.info.keys()];
  await state.need(names);
  const lines = [csvLine(['id', 'label', ...names].map(harmless))];
  for (const row of state.shown) {
    const cells = [harmless(state.id(row)), harmless(state.labels.get(row) ?? '')];
    lines.push(csvLine([...cells, ...names.map((name) => cell(state, name, row))]));
  }
  return lines;
}

function cell(state, name, row) {
  const value = state.value(name, row);
  if (value === null) return '';
  const { kind } = state.info.get(name);
  if (kind === 'flag') return value ? 'true' : 'false';
  return kind === 'text' ? harmless(value) : String(value);
}

export const ids = (state) => [...state.shown].map((row) => state.id(row)).join('\n');

export function save(name, lines) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(lines, { type: 'text/csv' }));
  link.download = `${name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '')}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
