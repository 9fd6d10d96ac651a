// Orders and filters: what is shown of the sources, and what comes first.

import { make, number } from './text.js';

const ALL = ''; // in the list of labels, whose own ones begin with a sign
const SIGN = '=';
const TYPING = 200; // milliseconds after the last key of a search

export class Controls {
  #state;
  #elements;
  #labels;
  #say;
  #typing;

  // `elements`: form, order, direction, label, find, column, least, most, part,
  // add, filters, count.
  constructor(state, labels, elements, say) {
    this.#state = state;
    this.#labels = labels;
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
      // Orders and filters of the server know only these.
      await this.#labels.areWritten;
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
    this.arrange({ by: 'strangest', ...NO_FILTERS });
  }

  #listen() {
    const { form, order, direction, label, find, add, column } = this.#elements;
    column.addEventListener('change', () => this.#fitFields());
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

  #fillColumns() {
    const { column } = this.#elements;
    for (const { name, label } of this.#state.info.values()) column.add(new Option(label, name));
    column.closest('fieldset').hidden = !column.length;
    this.#fitFields();
  }

  // Numbers and flags have a smallest and a largest value; texts contain a part.
  get #isText() {
    return this.#state.info.get(this.#elements.column.value)?.kind === 'text';
  }

  #fitFields() {
    const { least, most, part } = this.#elements;
    const isText = this.#isText;
    for (const field of [least, most]) field.parentElement.hidden = isText;
    part.parentElement.hidden = !isText;
  }

  #addFilter() {
    const { column, least, most, part } = this.#elements;
    const name = column.value;
    const filter = this.#isText
      ? { name, part: part.value.trim() }
      : { name, least: least.value, most: most.value };
    if (![filter.part, filter.least, filter.most].some(Boolean)) {
      this.#say(
        this.#isText
          ? 'A filter of texts needs a part that they contain.'
          : 'A filter needs a smallest or a largest value.',
      );
      return;
    }
    for (const field of [least, most, part]) field.value = '';
    const others = this.#state.filters.filter((other) => other.name !== name);
    this.arrange({ filters: [...others, filter] });
  }

  #fillFilters() {
    const { filters, label, find } = this.#elements;
    const { info } = this.#state;
    label.value = this.#labelValue;
    if (find.value.trim() !== this.#state.text) find.value = this.#state.text;
    filters.replaceChildren(
      ...this.#state.filters.map((filter) => {
        const text = filterText(filter, info.get(filter.name).label);
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

function filterText({ least, most, part }, label) {
  if (part !== undefined) return `${label} contains ${part}`;
  const low = least === '' ? '' : `${number(Number(least))} ≤ `;
  const high = most === '' ? '' : ` ≤ ${number(Number(most))}`;
  return `${low}${label}${high}`;
}

const NO_FILTERS = { filters: [], label: null, text: '', region: null };
