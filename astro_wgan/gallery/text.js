// Texts of pages: numbers, elements with text, and lines of CSV.

export function number(x, digits = 4) {
  if (x === null) return '–';
  const size = Math.abs(x);
  let text = Number.isInteger(x) ? String(x) : String(Number(x.toPrecision(digits)));
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) {
    const [mantissa, power] = x.toExponential(2).split('e');
    const raised = [...String(Number(power))].map((c) => (c === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[c]));
    text = `${Number(mantissa)} × 10${raised.join('')}`;
  }
  return text.replace(/^-/, '−');
}

export function make(tag, text, name) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

// A spreadsheet computes what begins like this, also after blanks and quotes, unless it is a number.
const FORMULA = /^[\s"'\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufffd]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/;
const NEGATIVE = /^-(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
export const harmless = (x) => (FORMULA.test(x) && !NEGATIVE.test(x) ? `'${x}` : x);

export function csvLine(texts) {
  const quoted = (x) => (/[",\r\n]/.test(x) ? `"${x.replaceAll('"', '""')}"` : x);
  return texts.map(quoted).join(',') + '\r\n';
}
