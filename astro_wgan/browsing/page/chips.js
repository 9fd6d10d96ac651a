// Labels as small colored texts, of the same color wherever they are.

// Class of the color of a label: those that may be given by a key have one of their own.
export function labelClass(label, labels) {
  const place = labels.indexOf(label);
  return `label-${place >= 0 && place < 9 ? place + 1 : 0}`;
}

export function fillChip(chip, label, labels) {
  chip.hidden = label === undefined;
  chip.textContent = label ?? '';
  chip.className = label === undefined ? 'chip' : `chip ${labelClass(label, labels)}`;
}
