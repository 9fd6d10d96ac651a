// The map: all sources as points, near each other where they look alike; a lasso shows their cards.

import { labelClass } from './chips.js';
import { bytes, colorsBy, css, rampCss, setOpacity } from './colors.js';
import { inLasso, nearest, View } from './map_view.js';
import { makePoints } from './points.js';
import { make, number } from './text.js';

const LABELS = ' labels'; // not a name of a column
const CLICK = 4; // pixels that a pointer may move in a click
const NEAR = 10; // pixels from a point that a click is for

export class ResultsMap {
  #state;
  #elements;
  #points;
  #positions = null;
  #colors = null;
  #view;
  #lasso = null; // pixels, while it is drawn
  #moves = new Map(); // pointers that are down, with their places
  #drawn = 0;
  #choose;
  #say;

  // `elements`: canvas, marks (a canvas above it), color (select), key, status. `choose(rows)` is
  // called with the rows of a lasso, or null for all.
  constructor(state, elements, choose, say) {
    this.#state = state;
    this.#elements = elements;
    this.#choose = choose;
    this.#say = say;
    this.#points = makePoints(elements.canvas);
    this.#view = new View();
    this.#fillColors();
    this.#listen();
    state.hear('shown', () => this.#shade());
    state.hear('place', () => this.#follow());
    state.hear('chosen', () => this.draw());
    state.hear('labels', () => elements.color.value === LABELS && this.#color());
    state.hear('columns', () => this.#fillColors());
  }

  async load(server) {
    const { status } = this.#elements;
    const { places, about } = await server.map((text) => (status.textContent = text));
    status.textContent = '';
    this.#elements.method.textContent = about.method ?? '';
    this.#positions = places;
    this.#points.setPositions(places);
    this.#view.setPositions(places);
    await this.#color();
    this.fit();
  }

  get isThere() {
    return this.#positions !== null;
  }

  // Moving about

  fit() {
    this.#view.fit();
    this.draw();
  }

  zoom(factor, at) {
    this.#view.zoom(factor, at);
    this.draw();
  }

  move(right, down) {
    this.#view.move(right, down);
    this.draw();
  }

  // The points of the present view, as a lasso around it all.
  chooseInView() {
    if (this.isThere) this.#choose(this.#view.rowsInView());
  }

  // Colors

  #fillColors() {
    const { color } = this.#elements;
    const options = [...this.#state.info.values()];
    if (color.length === options.length + 1) return;
    const before = color.value || (this.#state.info.has('score') ? 'score' : LABELS);
    color.replaceChildren(
      new Option('labels', LABELS),
      ...options.map(({ name, label }) => new Option(label, name)),
    );
    color.value = before;
  }

  async #color() {
    if (!this.isThere) return;
    const state = this.#state;
    const name = this.#elements.color.value;
    const byLabel = name === LABELS;
    if (!byLabel) await state.need([name]);
    // Another one may have been chosen in the meantime.
    if (name !== this.#elements.color.value) return;
    const kind = byLabel ? 'text' : state.info.get(name).kind;
    const values = (row) => {
      const value = byLabel ? (state.labels.get(row) ?? null) : state.value(name, row);
      return kind === 'flag' && value !== null ? ['no', 'yes'][value] : value;
    };
    const known = byLabel ? this.#ofLabels() : null;
    const { colors, key } = colorsBy(kind, values, state.results.total, known);
    this.#colors = colors;
    this.#fillKey(key);
    this.#shade();
  }

  // Those of the labels elsewhere on the page, as far as they have one.
  #ofLabels() {
    const style = getComputedStyle(this.#elements.marks);
    const color = (label) =>
      style.getPropertyValue(`--${labelClass(label, this.#state.labelNames)}`);
    const known = this.#state.labelNames.filter(color);
    return new Map(known.map((label) => [label, bytes(color(label))]));
  }

  #fillKey({ low, high, groups }) {
    const { key } = this.#elements;
    if (groups) {
      key.replaceChildren(
        ...groups.map(([name, color]) => {
          const item = make('span', '');
          const patch = make('i', '', 'patch');
          patch.style.background = css(color);
          item.append(patch, name);
          return item;
        }),
      );
      return;
    }
    const bar = make('i', '', 'ramp');
    bar.style.background = rampCss();
    key.replaceChildren(make('span', number(low, 3)), bar, make('span', number(high, 3)));
  }

  #shade() {
    if (!this.#colors) return;
    setOpacity(this.#colors, this.#state.shown, this.#state.results.total);
    this.#points.setColors(this.#colors);
    this.draw();
  }

  #resize() {
    const { marks } = this.#elements;
    const first = !this.#view.width;
    [this.#view.width, this.#view.height] = [marks.clientWidth, marks.clientHeight];
    if (first) this.#view.fit();
    this.draw();
  }

  // Drawing, once for each frame

  draw() {
    this.#drawn ||= requestAnimationFrame(() => {
      this.#drawn = 0;
      this.#drawNow();
    });
  }

  #drawNow() {
    const { canvas, marks } = this.#elements;
    const ratio = devicePixelRatio;
    const { x, y, scale, width, height } = this.#view;
    if (!this.#positions || !this.#colors || !width) return;
    for (const one of [canvas, marks]) {
      if (one.width !== Math.round(width * ratio)) one.width = Math.round(width * ratio);
      if (one.height !== Math.round(height * ratio)) one.height = Math.round(height * ratio);
    }
    // Fewer points are larger, and so are nearer ones.
    const plain = Math.min(7, Math.max(3, 300 / Math.sqrt(this.#view.count)));
    const size = Math.min(12, plain * Math.max(0.7, this.#view.magnification ** 0.3));
    this.#points.draw({ x, y, scale: scale * ratio }, size * ratio);
    this.#drawMarks(marks.getContext('2d'), ratio);
  }

  #drawMarks(context, ratio) {
    const { marks } = this.#elements;
    const ink = getComputedStyle(marks).color;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, marks.width, marks.height);
    context.strokeStyle = ink;
    for (const row of this.#state.chosen) this.#ring(context, row, 5, 1.2);
    if (this.#state.row !== null) this.#ring(context, this.#state.row, 8, 2.4);
    if (!this.#lasso) return;
    context.lineWidth = 1.5;
    context.setLineDash([5, 4]);
    context.beginPath();
    for (const [left, top] of this.#lasso) context.lineTo(left, top);
    context.closePath();
    context.stroke();
    context.setLineDash([]);
  }

  #ring(context, row, radius, width) {
    const [left, top] = this.#view.pixel(row);
    if (Number.isNaN(left)) return;
    context.lineWidth = width;
    context.beginPath();
    context.arc(left, top, radius, 0, 2 * Math.PI);
    context.stroke();
  }

  // The point of the source where one is, brought into view.
  #follow() {
    if (this.isThere && this.#state.row !== null) this.#view.reveal(this.#state.row);
    this.draw();
  }

  // Pointer and keys

  #listen() {
    const { marks, color, canvas } = this.#elements;
    color.addEventListener('change', () =>
      this.#color().catch((error) => this.#say(error.message, { stays: true })),
    );
    canvas.addEventListener('redraw', () => this.draw());
    new ResizeObserver(() => this.#resize()).observe(marks);
    marks.addEventListener('wheel', (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), [event.offsetX, event.offsetY]);
    });
    marks.addEventListener('pointerdown', (event) => this.#pressed(event));
    marks.addEventListener('pointermove', (event) => this.#moved(event));
    for (const name of ['pointerup', 'pointercancel']) {
      marks.addEventListener(name, (event) => this.#released(event));
    }
    marks.addEventListener('keydown', (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const action = {
        ArrowLeft: () => this.move(-40, 0),
        ArrowRight: () => this.move(40, 0),
        ArrowUp: () => this.move(0, -40),
        ArrowDown: () => this.move(0, 40),
        '+': () => this.zoom(1.3),
        '=': () => this.zoom(1.3),
        '-': () => this.zoom(1 / 1.3),
        0: () => this.fit(),
        Enter: () => this.chooseInView(),
        Escape: () => this.#choose(null),
      }[event.key];
      if (!action) return;
      action();
      event.preventDefault();
    });
  }

  #pressed(event) {
    if (!this.isThere) return;
    const { marks } = this.#elements;
    marks.setPointerCapture(event.pointerId);
    this.#moves.set(event.pointerId, [event.offsetX, event.offsetY]);
    // Two fingers, another button or the shift key move the map.
    const draws = this.#moves.size === 1 && event.button === 0 && !event.shiftKey;
    this.#lasso = draws ? [[event.offsetX, event.offsetY]] : null;
  }

  #moved(event) {
    const before = this.#moves.get(event.pointerId);
    if (!before) return;
    const now = [event.offsetX, event.offsetY];
    this.#moves.set(event.pointerId, now);
    if (this.#lasso) {
      this.#lasso.push(now);
      this.draw();
      return;
    }
    const n = this.#moves.size;
    if (n === 2) {
      const [[id, other]] = [...this.#moves].filter(([id]) => id !== event.pointerId);
      if (id !== undefined) this.#view.zoom(apart(now, other) / (apart(before, other) || 1), now);
    }
    this.move((before[0] - now[0]) / n, (before[1] - now[1]) / n);
  }

  #released(event) {
    const lasso = this.#lasso;
    this.#moves.delete(event.pointerId);
    this.#lasso = null;
    this.draw();
    if (!lasso || event.type === 'pointercancel') return;
    if (lasso.every((at) => apart(at, lasso[0]) <= CLICK)) {
      const row = nearest(this.#view, this.#state.shown, lasso[0], NEAR);
      if (row !== null) this.#state.goToRow(row);
      return;
    }
    const rows = inLasso(this.#view, lasso);
    if (rows.length) this.#choose(rows);
  }
}

const apart = ([a, b], [c, d]) => Math.hypot(a - c, b - d);
