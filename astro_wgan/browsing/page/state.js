// What is shown and in which order, where one is, and what is chosen; others hear of each change.
//
// Events: `shown` (which rows, or their order), `place` (where one is), `chosen`, `labels`,
// `columns`.

export class State extends EventTarget {
  #server;
  #columns = new Map(); // values by name
  #asked = new Map(); // promises by name
  #ordered = new Uint32Array();
  #turn = 0;

  by = 'strangest';
  filters = []; // of columns: { name, least, most } for numbers, { name, part } for texts
  label = null; // that rows carry; empty for those without, null for all
  text = ''; // that ids contain
  region = null; // one byte per row, 1 in the region of the map; or null
  shown = new Uint32Array(); // rows
  place = -1; // in `shown`
  chosen = new Set(); // rows
  labels = new Map(); // by row
  labelNames = []; // in the order of their keys

  constructor(server, results) {
    super();
    this.#server = server;
    this.results = results;
    this.labelNames = [...results.labels.standard, ...results.labels.own];
    this.info = new Map(results.columns.map((column) => [column.name, column]));
  }

  tell(...events) {
    for (const event of events) this.dispatchEvent(new Event(event));
  }

  hear(events, listener) {
    for (const event of events.split(' ')) this.addEventListener(event, listener);
  }

  // Columns

  // Load columns that are not there yet, of those that the results have.
  async need(names) {
    const known = names.filter((name) => name === 'id' || this.info.has(name));
    const missing = known.filter((name) => !this.#asked.has(name));
    if (missing.length) {
      const loading = this.#load(missing);
      for (const name of missing) this.#asked.set(name, loading);
    }
    await Promise.all(known.map((name) => this.#asked.get(name)));
  }

  async #load(names) {
    try {
      const found = await this.#server.columns(names);
      for (const name of names) this.#columns.set(name, found[name]);
    } catch (error) {
      for (const name of names) this.#asked.delete(name);
      throw error;
    }
    this.tell('columns');
  }

  // A column that was computed just now, or anew.
  setColumn(column, values) {
    this.info.set(column.name, column);
    this.#columns.set(column.name, values);
    this.#asked.set(column.name, Promise.resolve());
    this.tell('columns');
  }

  values(name) {
    return this.#columns.get(name) ?? null;
  }

  // Null where there is none, or it is not loaded.
  value(name, row) {
    const value = this.#columns.get(name)?.[row] ?? null;
    if (this.info.get(name)?.kind === 'flag') return value === 2 ? null : value;
    return Number.isNaN(value) ? null : value;
  }

  id(row) {
    return String(this.value('id', row) ?? '');
  }

  // Order and filters

  async arrange(changes = {}, tell = () => {}) {
    const before = Object.fromEntries(Object.keys(changes).map((name) => [name, this[name]]));
    Object.assign(this, changes);
    const turn = ++this.#turn;
    const filters = { filter: [], text: [] };
    for (const { name, least, most, part } of this.filters) {
      if (part === undefined) filters.filter.push(`${name}:${least}:${most}`);
      else filters.text.push(`${name}:${part}`);
    }
    if (this.label !== null) filters.label = this.label;
    if (this.text) filters.id = this.text;
    let ordered;
    try {
      ordered = await this.#server.order(this.by, filters, tell);
    } catch (error) {
      if (turn === this.#turn) Object.assign(this, before);
      throw error;
    }
    // What was asked for later may have come earlier.
    if (turn !== this.#turn) return;
    this.#ordered = ordered;
    this.#show(0);
  }

  get areRanks() {
    return this.by === 'strangest' && this.shown.length === this.results.total;
  }

  // Rows of a region of the map alone; all again with null.
  setRegion(rows) {
    this.region = null;
    if (rows) {
      this.region = new Uint8Array(this.results.total);
      for (const row of rows) this.region[row] = 1;
    }
    this.#show(0);
  }

  #show(place) {
    const { region } = this;
    this.shown = region ? this.#ordered.filter((row) => region[row]) : this.#ordered;
    this.place = Math.min(place, this.shown.length - 1);
    // Nothing is done to sources that one no longer sees.
    this.chosen.clear();
    this.tell('shown', 'place', 'chosen');
  }

  // The row where one is, or null.
  get row() {
    return this.shown[this.place] ?? null;
  }

  go(place) {
    const last = this.shown.length - 1;
    const wanted = Math.max(Math.min(place, last), Math.min(0, last));
    if (wanted === this.place) return;
    this.place = wanted;
    this.tell('place');
  }

  goToRow(row) {
    const place = this.shown.indexOf(row);
    if (place >= 0) this.go(place);
    return place >= 0;
  }

  // Choice

  // The rows that an action is for: those that are chosen, or the one where one is.
  get meant() {
    if (this.chosen.size) return [...this.chosen];
    return this.row === null ? [] : [this.row];
  }

  choose(rows, on = true) {
    for (const row of rows) this.chosen[on ? 'add' : 'delete'](row);
    this.tell('chosen');
  }

  toggle(row) {
    this.choose([row], !this.chosen.has(row));
  }

  chooseNone() {
    if (!this.chosen.size) return;
    this.chosen.clear();
    this.tell('chosen');
  }

  // Labels

  // All labels that there are; of others than these rows carry none.
  replaceLabels(pairs) {
    this.labels.clear();
    this.setLabels(pairs);
  }

  setLabels(pairs) {
    for (const [row, label] of pairs) {
      if (label === null) this.labels.delete(row);
      else this.labels.set(row, label);
      if (label !== null && !this.labelNames.includes(label)) this.labelNames.push(label);
    }
    this.tell('labels');
  }
}
