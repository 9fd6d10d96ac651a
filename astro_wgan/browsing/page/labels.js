// Labels: given by keys and buttons, to one source or to all that are chosen, and taken back.

import { labelClass } from './chips.js';
import { make } from './text.js';

const OTHER_WINDOWS = 5000; // milliseconds between questions for labels from other windows
const LONGEST = 60; // characters

export class Labels {
  #state;
  #server;
  #say;
  #busy = Promise.resolve();
  #since;

  constructor(state, server, say) {
    this.#state = state;
    this.#server = server;
    this.#say = say;
  }

  // Labels of a former visit, and from now on those of other windows.
  async begin() {
    await this.#readNew();
    const ask = () => {
      // Those that are being written come before those that are read.
      if (!document.hidden) this.#after(() => this.#readNew().catch(() => {}));
      setTimeout(ask, OTHER_WINDOWS);
    };
    setTimeout(ask, OTHER_WINDOWS);
  }

  async #readNew() {
    const { revision, rows, labels } = await this.#server.labels(this.#since);
    this.#since = revision;
    if (rows) this.#state.replaceLabels(rows.map((row, k) => [row, labels[k]]));
  }

  // Labels are shown at once, and taken away again where they could not be written.
  give(rows, label) {
    if (!rows.length) return;
    const { labels } = this.#state;
    const before = rows.map((row) => [row, labels.get(row) ?? null]);
    this.#state.setLabels(rows.map((row) => [row, label]));
    const words = rows.length === 1 ? this.#state.id(rows[0]) : `${rows.length} sources`;
    this.#after(async () => {
      try {
        await this.#server.label(rows, label);
        this.#say(label === null ? `${words}: no label` : `${words}: ${label}`);
      } catch (error) {
        this.#state.setLabels(before);
        this.#say(`${words} could not be labeled. ${error.message}`, { stays: true });
      }
    });
  }

  undo() {
    this.#after(async () => {
      try {
        const { rows } = await this.#server.undo();
        await this.#readNew();
        const words = rows.length === 1 ? this.#state.id(rows[0]) : `${rows.length} sources`;
        this.#say(rows.length ? `Taken back: ${words}` : 'There is nothing to take back.');
      } catch (error) {
        this.#say(error.message, { stays: true });
      }
    });
  }

  // Until all labels that were given are on the disk, or told not to be.
  get areWritten() {
    return this.#busy;
  }

  // One after the other, in the order in which they were given.
  #after(work) {
    this.#busy = this.#busy.then(work);
  }

  // The label of a key, or of a number of the list; undefined if there is none.
  ofKey(key) {
    return /^[1-9]$/.test(key) ? this.#state.labelNames[Number(key) - 1] : undefined;
  }
}

// Buttons for all labels, with their keys and how many sources carry each; `press(label)` and
// `show(label)` are called for them.
export class LabelBar {
  #state;
  #list;
  #press;

  constructor(state, { list, form, press }) {
    this.#state = state;
    this.#list = list;
    this.#press = press;
    state.hear('labels', () => this.#fill());
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const field = form.querySelector('input');
      const label = field.value.trim().slice(0, LONGEST);
      if (!label) return;
      field.value = '';
      press(label);
    });
    this.#fill();
  }

  #fill() {
    const counts = new Map();
    for (const label of this.#state.labels.values()) {
      counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    const names = this.#state.labelNames;
    const buttons = this.#list.children;
    while (buttons.length < names.length) this.#list.append(this.#makeButton());
    names.forEach((label, k) => {
      const button = buttons[k];
      const [key, text, count] = button.children;
      button.className = `label ${labelClass(label, names)}`;
      button.dataset.label = label;
      key.textContent = k < 9 ? k + 1 : '';
      key.hidden = k >= 9;
      if (k < 9) button.setAttribute('aria-keyshortcuts', k + 1);
      text.textContent = label;
      count.textContent = counts.get(label) ?? 0;
      count.title = 'sources that carry it';
    });
  }

  #makeButton() {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(make('kbd', ''), make('span', ''), make('span', '', 'quiet'));
    button.addEventListener('click', () => this.#press(button.dataset.label));
    return button;
  }
}
