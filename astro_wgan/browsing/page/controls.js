// Orders and filters: what is shown of the sources, and what comes first.

import { make, number } from './text.js';

const ALL = ''; // in the list of labels, whose own ones begin with a sign
const SIGN = '=';
const TYPING = 200; // milliseconds after the last key of a search

export class Controls {
  #state;
  #elements;
  #say;
  #typing;

  // `elements`: form, order, direction, label, find, column, least, most, add, filters, count.
  constructor(state, elements, say) {
    this.#state = state;
    this.#elements = elements;
    this.#say = say;
    this.#fillOrders();
    this.#fillLabels();
    this.#fillColumns();
    state.hear('columns', () => this.#fillOrders());
    state.hear('labels', () => this.#fillLabels());
    state.hear('shown', () => this.#tell());
    this.#listen();
  }

  // Sources in another order or of other filters.
  async arrange(changes) {
    try {
      await this.#state.arrange(changes, this.#say);
    } catch (error) {
      this.#say(error.message, { stays: true });
    }
    this.#fillOrders();
    this.#fillFilters();
  }

  // By a column: the other way round where it is the present one.
  sort(name) {
    const { by, info } = this.#state;
    const ways = info.get(name).descending ? ['desc', 'asc'] : ['asc', 'desc'];
    const [first, second] = ways.map((way) => `column:${name}:${way}`);
    this.arrange({ by: by === first ? second : first });
  }

  similar(row) {
    this.arrange({ by: `similar:${row}`, ...NO_FILTERS });
  }

  reset() {
    this.#elements.find.value = '';
    this.#state.region = null;
    this.arrange({ by: 'strangest', ...NO_FILTERS });
  }

  #listen() {
    const { form, order, direction, label, find, add } = this.#elements;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (event.submitter === add) this.#addFilter();
    });
    order.addEventListener('change', () => this.arrange({ by: order.value }));
    direction.addEventListener('click', () => this.sort(direction.dataset.column));
    label.addEventListener('change', () => {
      const text = label.value;
      this.arrange({ label: text === ALL ? null : text.slice(SIGN.length) });
    });
    find.addEventListener('input', () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.arrange({ text: find.value.trim() }), TYPING);
    });
  }

  #fillOrders() {
    const { order, direction } = this.#elements;
    const { by, info, results } = this.#state;
    const options = results.orders
      .filter(({ name }) => !name.includes(':'))
      .map(({ name, label }) => new Option(label, name));
    if (by.startsWith('similar:')) {
      options.unshift(new Option(`most like ${this.#state.id(Number(by.split(':')[1]))}`, by));
    }
    const [, column, way] = /^column:(.*):(asc|desc)$/.exec(by) ?? [];
    const group = document.createElement('optgroup');
    group.label = 'by a column';
    for (const { name, label, descending } of info.values()) {
      const usual = `column:${name}:${descending ? 'desc' : 'asc'}`;
      group.append(new Option(label, name === column ? by : usual));
    }
    order.replaceChildren(...options, group);
    order.value = by;
    direction.hidden = column === undefined;
    direction.dataset.column = column;
    direction.textContent = way === 'desc' ? '↓' : '↑';
    direction.title = way === 'desc' ? 'Largest first' : 'Smallest first';
    direction.setAttribute('aria-label', `${direction.title}; change the order`);
  }

  #fillLabels() {
    const { label } = this.#elements;
    const { labelNames } = this.#state;
    const options = [new Option('all', ALL), new Option('none', SIGN)];
    if (label.length === options.length + labelNames.length) return;
    const own = labelNames.map((name) => new Option(name, `${SIGN}${name}`));
    label.replaceChildren(...options, ...own);
    label.value = this.#labelValue;
  }

  get #labelValue() {
    const { label } = this.#state;
    return label === null ? ALL : `${SIGN}${label}`;
  }

  // Columns with numbers can be filtered.
  #fillColumns() {
    for (const { name, label, kind } of this.#state.info.values()) {
      if (kind !== 'text') this.#elements.column.add(new Option(label, name));
    }
    this.#elements.column.closest('fieldset').hidden = !this.#elements.column.length;
  }

  #addFilter() {
    const { column, least, most } = this.#elements;
    const name = column.value;
    const [low, high] = [least.value, most.value];
    if (low === '' && high === '') {
      this.#say('A filter needs a smallest or a largest value.');
      return;
    }
    [least.value, most.value] = ['', ''];
    const others = this.#state.filters.filter((filter) => filter.name !== name);
    this.arrange({ filters: [...others, { name, least: low, most: high }] });
  }

  #fillFilters() {
    const { filters, label, find } = this.#elements;
    const { info } = this.#state;
    label.value = this.#labelValue;
    if (find.value.trim() !== this.#state.text) find.value = this.#state.text;
    filters.replaceChildren(
      ...this.#state.filters.map((filter) => {
        const { name, least, most } = filter;
        const low = least === '' ? '' : `${number(Number(least))} ≤ `;
        const high = most === '' ? '' : ` ≤ ${number(Number(most))}`;
        const text = `${low}${info.get(name)?.label ?? name}${high}`;
        const button = make('button', `${text} ✕`, 'filter');
        button.type = 'button';
        button.setAttribute('aria-label', `Remove the filter ${text}`);
        button.addEventListener('click', () =>
          this.arrange({ filters: this.#state.filters.filter((other) => other !== filter) }),
        );
        return button;
      }),
    );
  }

  #tell() {
    const { shown, results, region } = this.#state;
    const all = results.total.toLocaleString('en');
    const some = shown.length.toLocaleString('en');
    const words = shown.length === results.total ? `${all} sources` : `${some} of ${all} sources`;
    this.#elements.count.textContent = region ? `${words}, in the lasso` : words;
  }
}

const NO_FILTERS = { filters: [], label: null, text: '' };
