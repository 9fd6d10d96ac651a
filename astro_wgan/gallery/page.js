'use strict';

// One list item per stamp is made once; sorting and filtering choose and order them anew.

const data = JSON.parse(document.getElementById('data').textContent);
const columns = new Map(data.columns.map((column) => [column.name, column]));
const element = (id) => document.getElementById(id);
const list = element('cards');
const zoom = element('zoom');
const PANELS = ['Input', 'Closest image', 'Residual'];

const value = (name, card) => columns.get(name)?.values[card] ?? null;
// A table may have text where others have numbers.
const quantity = (name, card) => (columns.get(name)?.kind === 'number' ? value(name, card) : null);
const source = (card, panel) => `data:image/png;base64,${data.pictures[card][panel]}`;

let shown = []; // cards that pass the filters, in the order of the page
let zoomed = null; // the card in the dialog

// Values as text

/* functions of text.js */

function fact(column, card) {
  const x = column.values[card];
  if (x === null) return '–';
  if (column.kind === 'flag') return x ? 'yes' : 'no';
  if (column.kind === 'text') return x;
  return number(x, column.name.startsWith('sky.') ? 9 : 5) + (column.unit && ` ${column.unit}`);
}

function skyText(card) {
  const [ra, dec] = data.sky[card];
  const angle = dec.replace('d', '°').replace('m', '′').replace('s', '″').replace('-', '−');
  return `${ra} ${angle}`;
}

const degrees = (card) =>
  ['sky.ra', 'sky.dec'].map((name) => quantity(name, card).toFixed(6)).join(' ');

const percentile = (card) => data.percentiles.findLast((x) => value(`anomalous_${x}`, card)) ?? null;

// Cards

function fillChip(chip, card) {
  const reached = percentile(card);
  chip.hidden = reached === null;
  chip.className = `chip percentile-${reached}`;
  chip.textContent = `> ${reached} %`;
  chip.title = `Score above the ${reached} % threshold`;
}

function fillPlace(place, card) {
  place.replaceChildren();
  if (data.sky && value('sky.ra', card) !== null && value('sky.dec', card) !== null) {
    const copied = make('button', degrees(card), 'copy');
    copied.type = 'button';
    copied.title = 'Copy right ascension and declination in degrees (ICRS)';
    copied.addEventListener('click', () => copy(degrees(card), 'Position copied'));
    place.append(make('span', skyText(card)), copied);
  }
  if (['x', 'y'].every((name) => columns.get(name)?.kind === 'number')) {
    const [x, y] = ['x', 'y'].map((name) => quantity(name, card)?.toFixed(1) ?? '–');
    place.append(make('span', `x ${x}  y ${y}`, 'quiet'));
  }
}

// What the score comes from: a term below 0 has no share.
function fillShares(terms, card) {
  const parts = data.contributions
    .map(([name, label]) => ({ label, part: Math.max(0, quantity(name, card) ?? 0) }))
    .filter(({ part }) => part > 0)
    .sort((a, b) => b.part - a.part);
  const total = parts.reduce((sum, { part }) => sum + part, 0);
  terms.hidden = parts.length === 0;
  if (terms.hidden) return;
  const bar = make('span', '', 'bar shares');
  terms.append(bar);
  for (const { label, part } of parts) {
    const percent = (100 * part) / total;
    const piece = make('i', '');
    piece.style.width = `${percent}%`;
    bar.append(piece);
    if (percent >= 10) terms.append(make('span', `${Math.round(percent)} % ${label}`, 'share'));
  }
  bar.title = parts
    .map(({ label, part }) => `${Math.round((100 * part) / total)} % ${label}`)
    .join(', ');
}

function fillTerms(terms, card) {
  if (data.contributions.length) {
    fillShares(terms, card);
    return;
  }
  const [residual, feature] = ['residual_loss', 'feature_loss'].map((n) => quantity(n, card));
  terms.hidden = residual === null || feature === null;
  if (terms.hidden) return;
  const both = data.gamma * residual + (1 - data.gamma) * feature;
  if (data.gamma !== null && both > 0) {
    const bar = make('span', '', 'bar');
    bar.append(make('i', ''));
    const fraction = Math.min(1, Math.max(0, (data.gamma * residual) / both));
    bar.firstChild.style.width = `${100 * fraction}%`;
    bar.title = `${Math.round(100 * fraction)} % of the score of the paper is the residual loss`;
    terms.append(bar);
  }
  terms.append(
    make('span', `residual ${number(residual)}`, 'term-residual'),
    make('span', `feature ${number(feature)}`, 'term-feature'),
  );
}

function makeCard(card) {
  const item = element('card').content.cloneNode(true).firstElementChild;
  const find = (selector) => item.querySelector(selector);
  const score = quantity('score', card);
  const id = data.ids[card];
  item.dataset.card = card;
  find('.rank').textContent = value('rank', card);
  find('.id').textContent = id;
  find('.id').title = id;
  fillChip(find('.chip'), card);
  find('.score').textContent = score === null ? 'no score' : number(score);
  const p = quantity('p_value', card);
  if (p !== null) find('.p').textContent = `p = ${number(p, 2)}`;
  const valid = quantity('valid_fraction', card);
  if (valid !== null && valid < 1) {
    const percent = Math.min(99, Math.round(100 * valid));
    find('.judgment').append(make('span', `${percent} % valid`, 'partial'));
  }
  find('.pictures').setAttribute('aria-label', `Enlarge stamp ${id}: input, closest image, residual`);
  item.querySelectorAll('img').forEach((image, k) => (image.alt = `${PANELS[k]} of ${id}`));
  fillTerms(find('.terms'), card);
  fillPlace(find('.place'), card);
  return item;
}

const items = data.ids.map((_, card) => makeCard(card));

// Thousands of pictures are quick because only those near the window are decoded.
function load(item) {
  item.querySelectorAll('img').forEach((image, k) => (image.src = source(item.dataset.card, k)));
  near.unobserve(item);
}
const near = new IntersectionObserver(
  (entries) => entries.filter((e) => e.isIntersecting).forEach((e) => load(e.target)),
  { rootMargin: '800px' },
);
items.forEach((item) => near.observe(item));
addEventListener('beforeprint', () => shown.forEach((card) => load(items[card])));

// Sort and filter

function fillControls() {
  for (const column of data.columns) {
    if (column.kind === 'number') element('sort').add(new Option(column.label, column.name));
  }
  const flag = element('flag');
  flag.add(new Option('all', ''));
  for (const x of data.percentiles) flag.add(new Option(`above ${x} %`, `+anomalous_${x}`));
  if (data.percentiles.length) {
    flag.add(new Option(`below ${data.percentiles[0]} %`, `-anomalous_${data.percentiles[0]}`));
  }
  for (const { name, kind } of data.columns) {
    if (kind !== 'flag' || name.startsWith('anomalous_')) continue;
    flag.add(new Option(`${name}: yes`, `+${name}`));
    flag.add(new Option(`${name}: no`, `-${name}`));
  }
  element('valid').closest('label').hidden = columns.get('valid_fraction')?.kind !== 'number';
}

function setOrder(descending) {
  const order = element('order');
  order.dataset.descending = descending;
  order.textContent = descending ? '↓' : '↑';
  order.title = descending ? 'Largest first' : 'Smallest first';
  order.setAttribute('aria-label', `${order.title}; change the order`);
}

function passes(card) {
  const flag = element('flag').value;
  if (flag && value(flag.slice(1), card) !== (flag[0] === '+')) return false;
  const text = element('text').value.trim().toLowerCase();
  if (!data.ids[card].toLowerCase().includes(text)) return false;
  const least = element('score').valueAsNumber;
  const score = quantity('score', card);
  if (!Number.isNaN(least) && (score === null || score < least)) return false;
  const valid = element('valid').valueAsNumber;
  return Number.isNaN(valid) || (quantity('valid_fraction', card) ?? 1) >= valid / 100;
}

function apply() {
  const name = element('sort').value;
  const sign = element('order').dataset.descending === 'true' ? -1 : 1;
  const compare = (a, b) => {
    const [x, y] = [value(name, a), value(name, b)];
    // No value comes last in both directions.
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return sign * (x - y) || a - b;
  };
  shown = data.ids.map((_, card) => card).filter(passes).sort(compare);
  list.replaceChildren(...shown.map((card) => items[card]));
  const all = data.ids.length;
  element('none').hidden = shown.length > 0 || all === 0;
  element('count').textContent =
    shown.length === all ? `${all} stamps` : `${shown.length} of ${all} stamps`;
  for (const id of ['copy', 'download']) element(id).disabled = !shown.length;
  drawMarks();
}

// Histogram

const histogram = element('histogram');
const place = (score) => {
  const [low, high] = [Number(histogram.dataset.low), Number(histogram.dataset.high)];
  return Math.min(1, Math.max(0, (score - low) / (high - low)));
};

function drawMarks() {
  if (!histogram) return;
  const scores = shown.map((card) => quantity('score', card)).filter((x) => x !== null);
  const path = scores.map((x) => `M${(1000 * place(x)).toFixed(1)} 0V5`).join('');
  element('marks').setAttribute('d', path);
}

function mark(target) {
  const card = target.closest?.('.card')?.dataset.card;
  const score = card === undefined ? null : quantity('score', card);
  element('marker').classList.toggle('on', score !== null);
  if (score === null) return;
  for (const x of ['x1', 'x2']) element('marker').setAttribute(x, `${100 * place(score)}%`);
}

if (histogram) {
  list.addEventListener('pointerover', (event) => mark(event.target));
  list.addEventListener('pointerleave', () => mark(document));
  list.addEventListener('focusin', (event) => mark(event.target));
  histogram.addEventListener('click', (event) => {
    const box = histogram.getBoundingClientRect();
    const [low, high] = [Number(histogram.dataset.low), Number(histogram.dataset.high)];
    const score = low + ((event.clientX - box.left) / box.width) * (high - low);
    element('score').value = Number(score.toPrecision(4));
    apply();
  });
}

// Enlargement

function enlarge(card) {
  zoomed = card;
  load(items[card]);
  mark(items[card]);
  element('zoom-title').textContent = `${value('rank', card)}. ${data.ids[card]}`;
  element('zoom-place').textContent = `${shown.indexOf(card) + 1} of ${shown.length}`;
  fillChip(zoom.querySelector('.chip'), card);
  const captions = zoom.querySelectorAll('figcaption');
  const [low, high] = data.ranges[card].map((x) => number(x, 3));
  zoom.querySelectorAll('img').forEach((image, k) => {
    image.src = source(card, k);
    image.alt = `${PANELS[k]} of ${data.ids[card]}`;
  });
  for (const k of [0, 1]) captions[k].textContent = `${PANELS[k]}, ${low} to ${high}`;
  fillPlace(zoom.querySelector('.position'), card);
  const facts = data.columns.map((column) => {
    const pair = document.createElement('div');
    pair.append(make('dt', column.label), make('dd', fact(column, card)));
    return pair;
  });
  zoom.querySelector('.facts').replaceChildren(...facts);
  if (zoom.open) return;
  zoom.showModal();
  // The arrow keys turn the pages; no button of the dialog needs to be at hand first.
  zoom.focus();
}

function step(by) {
  const at = shown.indexOf(zoomed) + by;
  if (at >= 0 && at < shown.length) enlarge(shown[at]);
}

list.addEventListener('click', (event) => {
  if (event.target.closest('.pictures')) enlarge(Number(event.target.closest('.card').dataset.card));
});
zoom.addEventListener('keydown', (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1, Home: -shown.indexOf(zoomed) }[event.key];
  if (by === undefined) return;
  event.preventDefault();
  step(by);
});
zoom.addEventListener('click', (event) => event.target === zoom && zoom.close());
zoom.addEventListener('close', () => items[zoomed].querySelector('.pictures').focus());
element('previous').addEventListener('click', () => step(-1));
element('next').addEventListener('click', () => step(1));
element('close').addEventListener('click', () => zoom.close());

// Taking away

let silence;
function say(text) {
  element('said').textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => (element('said').textContent = ''), 2500);
}

async function copy(text, message) {
  try {
    await navigator.clipboard.writeText(text);
    say(message);
  } catch {
    say('The browser does not allow copying');
  }
}

function csv() {
  const cell = (column, card) => {
    const x = String(column.values[card] ?? '');
    return column.kind === 'text' ? harmless(x) : x;
  };
  const lines = [['id', ...columns.keys()].map(harmless)];
  for (const card of shown) {
    lines.push([harmless(data.ids[card]), ...data.columns.map((column) => cell(column, card))]);
  }
  return lines.map(csvLine).join('');
}

function download() {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([csv()], { type: 'text/csv' }));
  link.download = `${data.title.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '')}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// Start

const controls = element('controls');
const setSize = () =>
  document.documentElement.style.setProperty('--picture', `${element('size').value}px`);

const sortedDown = () => columns.get(element('sort').value)?.descending ?? false;

fillControls();
setOrder(sortedDown());
controls.addEventListener('submit', (event) => event.preventDefault());
controls.addEventListener('input', (event) => {
  if (event.target.id === 'size') return setSize();
  if (event.target.id === 'invert') {
    return document.body.classList.toggle('inverted', event.target.checked);
  }
  if (event.target.id === 'sort') setOrder(sortedDown());
  apply();
});
// The event comes before the fields have their first values again.
controls.addEventListener('reset', () =>
  setTimeout(() => {
    document.body.classList.remove('inverted');
    setSize();
    setOrder(sortedDown());
    apply();
  }),
);
element('order').addEventListener('click', () => {
  setOrder(element('order').dataset.descending !== 'true');
  apply();
});
element('copy').addEventListener('click', () => {
  copy(shown.map((card) => data.ids[card]).join('\n'), `${shown.length} ids copied`);
});
element('download').addEventListener('click', download);

document.documentElement.style.setProperty('--aspect', data.shape[1] / data.shape[0]);
if (data.scaleBar) {
  const bar = zoom.querySelector('.scale-bar');
  bar.textContent = data.scaleBar.label;
  bar.style.width = `${100 * data.scaleBar.fraction}%`;
  bar.hidden = false;
}
for (const part of [controls, element('legend')]) part.hidden = data.ids.length === 0;
apply();
