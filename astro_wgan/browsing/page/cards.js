// Cards of sources: pictures, id, score and label, in as many columns as there is room for.

import { make, number } from './text.js';
import { Sheets } from './sheets.js';
import { VirtualRows } from './virtual_rows.js';
import { fillChip } from './chips.js';

const SHOWN = ['id', 'score', 'p_value', 'rank', 'valid_fraction', 'relevance', 'relevance_error'];
const GAP = 12; // pixels between cards
const EDGES = 22; // of border and padding of a card, left and right together
const TEXT = 87; // of a card's height that is no picture
const NARROWEST = 216; // cards
const BETWEEN = 4; // pictures
const SHARES = ['--share-1', '--share-2', '--share-3'];

export class Cards {
  #state;
  #box;
  #rows;
  #sheets;
  #parts;
  #shown = false;
  #columns = 1;
  #size = 76;
  #waiting = null;
  #height = 0;

  // `box` scrolls and has one element, of the height of all cards. `say` tells a sentence.
  constructor(state, server, box, say) {
    this.#state = state;
    this.#box = box;
    const { sprite, columns } = state.results;
    this.pictures = sprite.pictures; // names and labels
    this.#parts = columns.filter(({ name }) => name.startsWith('score_'));
    this.#sheets = new Sheets(server, sprite, (failure) => {
      if (failure) say(failure);
      this.#paint();
      this.#wantSoon();
    });
    this.#rows = new VirtualRows(box, box.firstElementChild, {
      make: () => this.#makeRow(),
      fill: (element, row) => this.#fillRow(element, row),
    });
    state.hear('shown', () => {
      this.#sheets.show(state.shown, state.areRanks);
      this.layOut(0);
    });
    state.hear('place', () => this.#goToPlace());
    state.hear('chosen labels columns', () => this.#rows.refill());
    box.addEventListener('scroll', () => this.#wantSoon(), { passive: true });
    new ResizeObserver(() => this.layOut()).observe(box);
  }

  get columnNames() {
    return [...SHOWN, ...this.#parts.map(({ name }) => name)];
  }

  get perRow() {
    return this.#columns;
  }

  get perView() {
    return this.#columns * this.#rows.inView;
  }

  show(on) {
    this.#shown = on;
    this.#box.hidden = !on;
    if (on) {
      this.layOut(0);
      this.#goToPlace();
    }
  }

  // Width of a picture in pixels, at least.
  resize(size) {
    this.#size = size;
    this.layOut();
  }

  // The card of a place among the shown rows stays at the top, by default the one that is there.
  layOut(top = this.#rows.first * this.#columns) {
    if (!this.#shown || !this.#box.clientWidth) return;
    const [width, height] = this.#state.results.sprite.cell;
    const room = this.#box.clientWidth - 2 * GAP;
    const n = this.pictures.length;
    const gaps = (n - 1) * BETWEEN + EDGES;
    const least = Math.max(NARROWEST, n * this.#size + gaps);
    this.#columns = Math.max(1, Math.floor((room + GAP) / (least + GAP)));
    const card = (room - (this.#columns - 1) * GAP) / this.#columns;
    const picture = ((card - gaps) / n) * (height / width);
    this.#height = Math.ceil(picture) + TEXT + GAP;
    this.#box.style.setProperty('--columns', this.#columns);
    this.#box.style.setProperty('--row', `${this.#height - GAP}px`);
    const rows = Math.ceil(this.#state.shown.length / this.#columns);
    this.#box.setAttribute('aria-rowcount', rows);
    this.#box.setAttribute('aria-colcount', this.#columns);
    this.#rows.set(rows, this.#height, { top: Math.floor(top / this.#columns) });
    this.#goToPlace({ reveal: false });
    this.#wantSoon();
  }

  // Elements

  #makeRow() {
    const row = make('div', '', 'row');
    row.setAttribute('role', 'row');
    row.cells = [];
    return row;
  }

  #makeCard() {
    const card = make('article', '', 'card');
    card.setAttribute('role', 'gridcell');
    const head = make('header', '');
    const canvas = document.createElement('canvas');
    const [width, height] = this.#state.results.sprite.cell;
    const n = this.pictures.length;
    canvas.width = n * width + (n - 1) * this.#seam;
    canvas.height = height;
    canvas.setAttribute('role', 'img');
    const parts = {
      card,
      rank: make('span', '', 'rank'),
      id: make('h3', '', 'id'),
      chip: make('span', '', 'chip'),
      canvas,
      context: canvas.getContext('2d'),
      shares: make('span', '', 'shares'),
      score: make('b', '', 'score'),
      p: make('span', '', 'quiet'),
      relevance: make('span', '', 'quiet relevance'),
      choose: this.#makeButton('choose', '', 'Choose (space)'),
    };
    head.append(parts.choose, parts.rank, parts.id, parts.chip);
    const foot = make('footer', '');
    const judgment = make('span', '', 'judgment');
    judgment.append(parts.score, parts.p, parts.relevance);
    foot.append(
      judgment,
      this.#makeButton('similar', '≈', 'More like this (m)'),
      this.#makeButton('open', '⤢', 'Enlarge (Enter)'),
    );
    card.append(head, canvas, parts.shares, foot);
    return parts;
  }

  // Buttons of cards are for pointers: keys that do the same reach the grid.
  #makeButton(act, text, title) {
    const button = make('button', text, `act ${act}`);
    button.type = 'button';
    button.tabIndex = -1;
    button.dataset.act = act;
    button.title = title;
    button.setAttribute('aria-label', title);
    return button;
  }

  get #seam() {
    return Math.max(1, Math.round(this.#state.results.sprite.cell[0] / 20));
  }

  #fillRow(element, row) {
    element.setAttribute('aria-rowindex', row + 1);
    while (element.cells.length < this.#columns) {
      const parts = this.#makeCard();
      element.cells.push(parts);
      element.append(parts.card);
    }
    element.cells.forEach((parts, column) => {
      const place = row * this.#columns + column;
      const there = column < this.#columns && place < this.#state.shown.length;
      parts.card.hidden = !there;
      parts.row = there ? this.#state.shown[place] : null;
      parts.place = place;
      if (there) this.#fillCard(parts, place, column);
    });
  }

  #fillCard(parts, place, column) {
    const state = this.#state;
    const { row, card } = parts;
    const id = state.id(row);
    card.id = `card-${place}`;
    card.dataset.place = place;
    card.setAttribute('aria-colindex', column + 1);
    this.#mark(card, place, row);
    parts.rank.textContent = state.value('rank', row) ?? '';
    parts.id.textContent = id;
    parts.id.title = id;
    fillChip(parts.chip, state.labels.get(row), state.labelNames);
    const score = state.value('score', row);
    parts.score.textContent = score === null ? 'no score' : number(score);
    const p = state.value('p_value', row);
    parts.p.textContent = p === null ? '' : `p = ${number(p, 2)}`;
    const relevance = state.value('relevance', row);
    const error = state.value('relevance_error', row);
    parts.relevance.textContent =
      relevance === null ? '' : `relevance ${relevance.toFixed(2)} ± ${(error ?? 0).toFixed(2)}`;
    this.#fillShares(parts.shares, row);
    const names = this.pictures.map(({ label }) => label).join(', ');
    parts.canvas.setAttribute('aria-label', `${names} of ${id}`);
    this.#paintCard(parts);
  }

  // What the score comes from, as a bar; a term below 0 has no share.
  #fillShares(bar, row) {
    const terms = this.#parts
      .map(({ name, label }) => ({ label, part: Math.max(0, this.#state.value(name, row) ?? 0) }))
      .filter(({ part }) => part > 0);
    const total = terms.reduce((sum, { part }) => sum + part, 0);
    bar.hidden = this.#parts.length === 0;
    let end = 0;
    const stops = terms.map(({ part }, k) => {
      const from = end;
      end += (100 * part) / total;
      return `var(${SHARES[k] ?? '--quiet'}) ${from}% ${end}%`;
    });
    bar.style.background = stops.length ? `linear-gradient(to right, ${stops.join(', ')})` : '';
    bar.title = terms
      .map(({ label, part }) => `${Math.round((100 * part) / total)} % ${label}`)
      .join(', ');
  }

  #mark(card, place, row) {
    card.classList.toggle('here', place === this.#state.place);
    card.setAttribute('aria-selected', this.#state.chosen.has(row));
  }

  #goToPlace({ reveal = true } = {}) {
    if (!this.#shown) return;
    const { place } = this.#state;
    if (reveal && place >= 0) this.#rows.reveal(Math.floor(place / this.#columns), GAP);
    let there = false;
    for (const parts of this.#cells()) {
      this.#mark(parts.card, Number(parts.card.dataset.place), parts.row);
      there ||= Number(parts.card.dataset.place) === place;
    }
    if (there) this.#box.setAttribute('aria-activedescendant', `card-${place}`);
    else this.#box.removeAttribute('aria-activedescendant');
  }

  *#cells() {
    for (const [, element] of this.#rows.elements()) {
      for (const parts of element.cells) if (parts.row !== null) yield parts;
    }
  }

  // Pictures

  #paint() {
    for (const parts of this.#cells()) if (!parts.painted) this.#paintCard(parts);
  }

  #paintCard(parts) {
    const { context, canvas, card, place } = parts;
    const [width] = this.#state.results.sprite.cell;
    context.clearRect(0, 0, canvas.width, canvas.height);
    let [drawn, failed] = [0, 0];
    this.pictures.forEach(({ name }, k) => {
      if (this.#sheets.draw(context, k * (width + this.#seam), place, name)) drawn += 1;
      else if (this.#sheets.hasFailed(place, name)) failed += 1;
    });
    const n = this.pictures.length;
    parts.painted = drawn === n;
    card.dataset.pictures = drawn === n ? 'drawn' : drawn + failed === n ? 'failed' : 'waiting';
  }

  // Not while the cards fly past.
  #wantSoon() {
    this.#waiting ??= setTimeout(() => {
      this.#waiting = null;
      const waiting = [...this.#cells()].filter((parts) => !parts.painted);
      const keys = this.pictures.flatMap(({ name }) =>
        waiting.map(({ place }) => this.#sheets.key(place, name)),
      );
      this.#sheets.want([...new Set(keys)]);
    }, 80);
  }
}
