// One source large: its pictures, all its columns, its place on the sky, and ways to others.

import { fillChip } from './chips.js';
import { factText } from './table.js';
import { make } from './text.js';

export class Detail {
  #state;
  #server;
  #say;
  #dialog;
  #turn = 0;
  #panels;

  constructor(state, server, dialog, say) {
    this.#state = state;
    this.#server = server;
    this.#say = say;
    this.#dialog = dialog;
    this.#panels = state.results.sprite.pictures.map((picture) => this.#makePanel(picture));
    this.#find('.panels').replaceChildren(...this.#panels.map(({ figure }) => figure));
    state.hear('place', () => this.isOpen && this.#fill());
    state.hear('labels', () => this.isOpen && this.#fillChip());
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  open() {
    if (this.#state.row === null) return;
    this.#fill();
    this.#dialog.showModal();
    // Keys are for the source; no button of the dialog needs to be at hand first.
    this.#dialog.focus();
  }

  close() {
    this.#dialog.close();
  }

  #find(selector) {
    return this.#dialog.querySelector(selector);
  }

  #makePanel({ name, label }) {
    const figure = make('figure', '');
    const canvas = document.createElement('canvas');
    canvas.setAttribute('role', 'img');
    const frame = make('span', '', 'frame');
    frame.append(canvas);
    if (name === 'input') frame.append(...scaleBar(this.#state.results));
    figure.append(frame, make('figcaption', label));
    return { name, label, figure, canvas };
  }

  #fillChip() {
    fillChip(this.#find('.chip'), this.#state.labels.get(this.#state.row), this.#state.labelNames);
  }

  async #fill() {
    const turn = ++this.#turn;
    const { row, place, shown } = this.#state;
    if (row === null) {
      this.close();
      return;
    }
    const id = this.#state.id(row);
    const rank = this.#state.value('rank', row);
    this.#find('h2').textContent = rank === null ? id : `${rank}. ${id}`;
    this.#find('.where').textContent = `${place + 1} of ${shown.length}`;
    this.#fillChip();
    for (const panel of this.#panels) this.#draw(panel, row, id, turn);
    try {
      const source = await this.#server.source(row);
      // The next source may have been asked for in the meantime.
      if (turn === this.#turn) this.#tell(source);
    } catch (error) {
      if (turn === this.#turn) this.#say(error.message, { stays: true });
    }
  }

  async #draw({ name, label, figure, canvas }, row, id, turn) {
    canvas.setAttribute('aria-label', `${label} of ${id}`);
    figure.dataset.picture = 'waiting';
    try {
      const image = await createImageBitmap(await this.#server.picture(row, name));
      if (turn === this.#turn) {
        canvas.width = image.width;
        canvas.height = image.height;
        canvas.getContext('2d').drawImage(image, 0, 0);
        figure.dataset.picture = 'drawn';
      }
      image.close();
    } catch (error) {
      if (turn !== this.#turn) return;
      canvas.getContext('2d').clearRect(0, 0, canvas.width, canvas.height);
      figure.dataset.picture = 'failed';
      this.#say(error.message);
    }
  }

  #tell(source) {
    const facts = source.columns.map(({ name, label, unit, kind, value }) => {
      const pair = make('div', '');
      const text = factText(name, kind, value);
      pair.append(make('dt', label), make('dd', unit && value !== null ? `${text} ${unit}` : text));
      return pair;
    });
    this.#find('.facts').replaceChildren(...facts);
    const position = this.#find('.position');
    position.replaceChildren();
    if (source.sky) {
      const { ra, dec, text } = source.sky;
      const degrees = `${ra.toFixed(6)} ${dec.toFixed(6)}`;
      position.append(make('span', text.join(' ')), make('span', degrees, 'quiet'));
    }
    for (const { label, url } of source.links) {
      if (!url.startsWith('https://')) continue;
      const link = make('a', label);
      link.href = url;
      link.target = '_blank';
      link.rel = 'noopener noreferrer';
      position.append(link);
    }
  }
}

// A round angle of about a quarter of a stamp; none in stamps that are too narrow or too wide.
function scaleBar({ pixelScale, shape }) {
  if (pixelScale === null) return [];
  const width = shape[1] * pixelScale;
  const power = 10 ** Math.floor(Math.log10(width / 4));
  const angle = [1, 2, 5, 10]
    .map((factor) => factor * power)
    .findLast((step) => step <= width / 3);
  const bar = make('span', `${Number(angle.toPrecision(1))}″`, 'scale-bar');
  bar.style.width = `${(100 * angle) / width}%`;
  return [bar];
}
