// All columns of the sources as a table, which its heads sort.

import { fillChip } from './chips.js';
import { make, number } from './text.js';
import { VirtualRows } from './virtual_rows.js';

const HEIGHT = 32; // of a row

export class ResultsTable {
  #state;
  #box;
  #head;
  #rows;
  #shown = false;
  #sort;

  // `box` scrolls and has two elements: the head, and one of the height of all rows. `sort(name)`
  // is called for a head that was pressed.
  constructor(state, box, sort) {
    this.#state = state;
    this.#box = box;
    this.#head = box.firstElementChild;
    this.#sort = sort;
    this.#rows = new VirtualRows(box, box.lastElementChild, {
      make: () => this.#makeRow(),
      fill: (element, row) => this.#fillRow(element, row),
    });
    state.hear('shown', () => this.layOut(0));
    state.hear('place', () => this.#goToPlace());
    state.hear('chosen labels', () => this.#rows.refill());
    state.hear('columns', () => this.layOut());
    new ResizeObserver(() => this.layOut()).observe(box);
  }

  get columnNames() {
    return ['id', ...this.#state.info.keys()];
  }

  perRow = 1;

  get perView() {
    return this.#rows.inView;
  }

  show(on) {
    this.#shown = on;
    this.#box.hidden = !on;
    if (on) {
      this.layOut(0);
      this.#goToPlace();
    }
  }

  layOut(top = this.#rows.first) {
    if (!this.#shown) return;
    const names = this.columnNames;
    this.#box.style.setProperty('--columns', names.length + 1);
    this.#box.setAttribute('aria-rowcount', this.#state.shown.length + 1);
    this.#box.setAttribute('aria-colcount', names.length + 1);
    this.#makeHead();
    this.#rows.set(this.#state.shown.length, HEIGHT, { top });
  }

  #makeHead() {
    const { by, info } = this.#state;
    const heads = [...info.values()].map(({ name, label, unit, kind }) => {
      const head = make('span', '', 'cell');
      head.setAttribute('role', 'columnheader');
      const sorted = { [`column:${name}`]: 'ascending', [`column:${name}:desc`]: 'descending' }[by];
      if (sorted) head.setAttribute('aria-sort', sorted);
      const text = unit ? `${label} (${unit})` : label;
      const button = make('button', text, 'sorts');
      button.type = 'button';
      button.title = text;
      button.dataset.kind = kind;
      button.addEventListener('click', () => this.#sort(name));
      head.append(button);
      return head;
    });
    const plain = ['label', 'id'].map((text) => {
      const head = make('span', text, 'cell');
      head.setAttribute('role', 'columnheader');
      return head;
    });
    this.#head.replaceChildren(...plain, ...heads);
  }

  #makeRow() {
    const row = make('div', '', 'row');
    row.setAttribute('role', 'row');
    return row;
  }

  #fillRow(element, place) {
    const state = this.#state;
    const row = state.shown[place];
    const names = this.columnNames;
    while (element.children.length < names.length + 1) {
      const cell = make('span', '', 'cell');
      cell.setAttribute('role', 'gridcell');
      element.append(cell);
    }
    element.id = `row-${place}`;
    element.dataset.place = place;
    element.setAttribute('aria-rowindex', place + 2);
    this.#mark(element, place);
    const [first, ...others] = element.children;
    if (!first.firstElementChild) first.append(make('span', '', 'chip'));
    fillChip(first.firstElementChild, state.labels.get(row), state.labelNames);
    names.forEach((name, k) => {
      const kind = state.info.get(name)?.kind ?? 'text';
      others[k].textContent = factText(name, kind, state.value(name, row));
    });
  }

  #mark(element, place) {
    element.classList.toggle('here', place === this.#state.place);
    element.setAttribute('aria-selected', this.#state.chosen.has(this.#state.shown[place]));
  }

  #goToPlace() {
    if (!this.#shown) return;
    const { place } = this.#state;
    // Not below the head, which stays.
    if (place >= 0) this.#rows.reveal(place, 2 * HEIGHT);
    for (const [at, element] of this.#rows.elements()) this.#mark(element, at);
    if (this.#rows.element(place)) this.#box.setAttribute('aria-activedescendant', `row-${place}`);
    else this.#box.removeAttribute('aria-activedescendant');
  }
}

const POSITION =
  /^(sky\.(ra|dec)|_?(ra|dec?)[._]?(deg|j2000|icrs)?|glon|glat|(alpha|delta)\w*_j2000)$/i;

export function factText(name, kind, value) {
  if (value === null) return '–';
  if (kind === 'flag') return value ? 'yes' : 'no';
  // Catalog numbers are read digit by digit, and positions to a hundredth of an arcsecond.
  if (kind === 'text') return String(value);
  if (Number.isSafeInteger(value)) return String(value).replace(/^-/, '−');
  return number(value, POSITION.test(name) ? 9 : 5);
}
