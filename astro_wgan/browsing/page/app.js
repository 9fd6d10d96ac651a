// The parts of the page, brought together.

import { Cards } from './cards.js';
import { Controls } from './controls.js';
import { Detail } from './detail.js';
import { listenToKeys } from './keyboard.js';
import { LabelBar, Labels } from './labels.js';
import { ResultsMap } from './map.js';
import { Server } from './server.js';
import { State } from './state.js';
import { ResultsTable } from './table.js';
import { csv, ids, save } from './taking_away.js';
import { make } from './text.js';

// Columns that labels give.
const LEARNED = {
  relevance: 'relevance',
  relevance_error: 'error of the relevance',
  joined_rank: 'rank by score and labels',
};
const SILENCE = 3500; // milliseconds after which a sentence that does not stay is gone

// `root` is the document, or what holds the page in a notebook; `send(path, options)` answers as
// `fetch` does.
export async function start(root, send) {
  const find = (id) => root.getElementById(id);
  const say = speaker(find('said'));
  const server = new Server(send);
  try {
    await open(find, server, say);
  } catch (error) {
    say(error.message, { stays: true });
  }
  find('app').dataset.ready = true;
}

function speaker(element) {
  let silence;
  return (text, { stays = false } = {}) => {
    element.textContent = text;
    clearTimeout(silence);
    if (!stays) silence = setTimeout(() => (element.textContent = ''), SILENCE);
  };
}

async function open(find, server, say) {
  const results = await server.results();
  const state = new State(server, results);
  const cards = new Cards(state, server, find('cards'), say);
  const labels = new Labels(state, server, say);
  const controls = new Controls(
    state,
    labels,
    {
      ...elements(find, 'order', 'direction', 'label', 'find', 'column', 'least', 'most', 'part'),
      ...elements(find, 'add', 'filters', 'count'),
      form: find('controls'),
    },
    say,
  );
  const table = new ResultsTable(state, find('table'), (name) => controls.sort(name));
  const detail = new Detail(state, server, find('detail'), say);
  const app = new App(find, { state, server, say, cards, table, controls, detail, labels });
  app.tell(results);
  cards.show(true);
  await Promise.all([
    state.need(cards.columnNames),
    controls.arrange({}),
    labels.begin(),
  ]);
  await app.openMap();
}

const elements = (find, ...ids) => Object.fromEntries(ids.map((id) => [id, find(id)]));

class App {
  constructor(find, parts) {
    this.find = find;
    Object.assign(this, parts);
    this.view = this.cards;
    this.map = new ResultsMap(
      this.state,
      {
        ...elements(find, 'marks', 'color', 'key', 'method'),
        canvas: find('points'),
        status: find('map-status'),
      },
      (rows) => this.setRegion(rows),
      this.say,
    );
    this.bar = new LabelBar(this.state, {
      list: find('label-list'),
      form: find('new-label'),
      press: (label) => this.label(label),
    });
    this.listen();
  }

  tell({ title, total, withStamps, bands, colors, shape, by, sprite }) {
    const bandNames = bands?.length ? `, in ${bands.join(', ')}` : '';
    const size = withStamps ? `, ${shape[1]} × ${shape[0]} pixels` : '';
    this.find('title').textContent = title;
    this.find('summary').textContent =
      `${total.toLocaleString('en')} sources${bandNames}${size}. Labels by ${by}.`;
    const shades = ['red', 'green', 'blue'].map((shade, k) => `${shade} ${colors?.[k].join(', ')}`);
    const pictures = sprite.pictures.map(({ label }) => label);
    this.find('legend').replaceChildren(
      make('span', sprite.pictures.length > 1 ? `From left: ${pictures.join(', ')}.` : ''),
      make('span', colors === null ? '' : `In color: ${shades.join('; ')}.`),
    );
    if (this.find('app').getRootNode() === document) document.title = title;
  }

  // Without features there is no map, and no sources are like others.
  async openMap() {
    if (!this.state.results.hasFeatures) {
      this.find('map').hidden = true;
      this.find('panes').classList.add('alone');
      for (const id of ['similar', 'like-this', 'rerank']) this.find(id).disabled = true;
      return;
    }
    try {
      await this.map.load(this.server);
    } catch (error) {
      this.find('map-status').textContent = error.message;
    }
  }

  // Actions

  label(label) {
    const { state, labels, detail } = this;
    const bulk = state.chosen.size > 0;
    labels.give(state.meant, label);
    if (bulk) state.chooseNone();
    // On to the next one, so that a source takes one key.
    else if (label !== null) state.go(state.place + 1);
    if (!detail.isOpen) this.view === this.cards ? this.focusOn('cards') : this.focusOn('table');
  }

  similar() {
    if (this.state.row === null || !this.state.results.hasFeatures) return;
    this.detail.close();
    this.controls.similar(this.state.row);
  }

  async rerank() {
    const { state, server, say, controls, labels } = this;
    this.find('rerank').disabled = true;
    try {
      await labels.areWritten;
      say('Learning from the labels …', { stays: true });
      const found = await server.rerank((text) => say(text, { stays: true }));
      for (const [name, label] of Object.entries(LEARNED)) {
        state.setColumn(
          { name, label, unit: '', kind: 'number', descending: name !== 'joined_rank' },
          found[name],
        );
      }
      await controls.arrange({ by: 'relevance' });
      say(`The most relevant by ${found.about.report.labels} labels come first.`);
    } catch (error) {
      say(error.message, { stays: true });
    }
    this.find('rerank').disabled = false;
  }

  setRegion(rows) {
    this.state.setRegion(rows);
    if (rows) this.say(`${this.state.shown.length.toLocaleString('en')} sources`);
  }

  async show(name) {
    const [view, other] = name === 'table' ? [this.table, this.cards] : [this.cards, this.table];
    this.view = view;
    other.show(false);
    view.show(true);
    this.find('legend').hidden = view === this.table;
    try {
      await this.state.need(view.columnNames);
    } catch (error) {
      this.say(error.message, { stays: true });
    }
  }

  focusOn(id) {
    this.find(id).focus({ preventScroll: true });
  }

  // Events

  listen() {
    const { find, state, detail, map } = this;
    const press = (id, act) => find(id).addEventListener('click', act);
    this.listenToRows();
    this.listenToKeys();
    press('undo', () => this.labels.undo());
    press('similar', () => this.similar());
    press('like-this', () => this.similar());
    press('rerank', () => this.rerank());
    press('none', () => state.chooseNone());
    press('reset', () => this.controls.reset());
    press('more', () => {
      const open = find('controls').classList.toggle('open');
      find('more').setAttribute('aria-expanded', open);
    });
    press('copy', () => this.copy());
    press('download', () => this.download(() => csv(state)));
    const labelLines = async () => [await this.server.labelFile()];
    press('label-file', () => this.download(labelLines, ' labels'));
    press('help', () => find('keys').showModal());
    press('close-keys', () => find('keys').close());
    press('previous', () => state.go(state.place - 1));
    press('next', () => state.go(state.place + 1));
    press('close', () => detail.close());
    press('nearer', () => map.zoom(1.5));
    press('farther', () => map.zoom(1 / 1.5));
    press('fit', () => map.fit());
    press('in-view', () => map.chooseInView());
    press('everywhere', () => this.setRegion(null));
    find('detail').addEventListener('close', () => {
      this.focusOn(this.view === this.cards ? 'cards' : 'table');
    });
    const size = find('size');
    size.addEventListener('input', () => this.cards.resize(Number(size.value)));
    for (const radio of find('controls').elements.view) {
      radio.addEventListener('change', () => this.show(radio.value));
    }
    state.hear('chosen', () => {
      const n = state.chosen.size;
      find('chosen').textContent = n ? `${n.toLocaleString('en')} chosen` : '';
      find('none').hidden = n === 0;
    });
    state.hear('shown', () => {
      find('empty').hidden = state.shown.length > 0;
      find('everywhere').hidden = state.region === null;
    });
  }

  // A press on a card or a row goes there; with Shift or Ctrl it chooses.
  listenToRows() {
    const { state } = this;
    for (const id of ['cards', 'table']) {
      this.find(id).addEventListener('click', (event) => {
        const item = event.target.closest('[data-place]');
        if (!item) return;
        // Keys are for the list, also after a press on a button in it.
        this.focusOn(id);
        const place = Number(item.dataset.place);
        const from = state.place;
        state.go(place);
        const act = event.target.closest('[data-act]')?.dataset.act;
        if (event.shiftKey) {
          const [first, last] = [Math.min(from, place), Math.max(from, place)];
          state.choose(state.shown.subarray(Math.max(first, 0), last + 1));
        } else if (act === 'choose' || event.ctrlKey || event.metaKey) {
          state.toggle(state.row);
        } else if (act === 'open') this.detail.open();
        else if (act === 'similar') this.similar();
      });
      this.find(id).addEventListener('dblclick', (event) => {
        if (event.target.closest('[data-place]') && !event.target.closest('button')) {
          this.detail.open();
        }
      });
    }
  }

  listenToKeys() {
    const { state, labels, detail, find } = this;
    const actions = {
      label: (label) => this.label(label),
      labelOfKey: (key) => labels.ofKey(key),
      undo: () => labels.undo(),
      similar: () => this.similar(),
      find: () => find('find').focus(),
      help: () => find('keys').showModal(),
    };
    for (const id of ['cards', 'table']) {
      const here = {
        ...actions,
        open: () => detail.open(),
        leave: () => state.chooseNone(),
        choosesRanges: true,
      };
      listenToKeys(find(id), state, here, () => this.view);
    }
    const here = { ...actions, open: () => {}, leave: () => detail.close() };
    listenToKeys(find('detail'), state, here, () => ({ perRow: 1, perView: 10 }));
  }

  // Taking away

  async copy() {
    try {
      await navigator.clipboard.writeText(ids(this.state));
      this.say(`${this.state.shown.length.toLocaleString('en')} ids copied`);
    } catch {
      this.say('The browser does not allow copying.');
    }
  }

  async download(lines, addition = '') {
    try {
      save(`${this.state.results.title}${addition}`, await lines());
    } catch (error) {
      this.say(error.message, { stays: true });
    }
  }
}
