// Rows of equal height in a box that scrolls: only those in view are elements, which are used
// again.

// Browsers draw no element of arbitrary height: Firefox ends below 18 million pixels.
const TALLEST = 12e6;
const BEYOND = 2; // rows that are filled beyond either edge of the box

export class VirtualRows {
  #box;
  #space;
  #make;
  #fill;
  #count = 0;
  #height = 1;
  #shift = 0; // of the rows against the space, where they do not fit into it
  #top = 0; // of the box, when it was drawn last
  #elements = new Map(); // by row
  #spare = [];

  // `make()` gives an element, `fill(element, row)` puts a row into it; `space` scrolls in `box`.
  constructor(box, space, { make, fill }) {
    this.#box = box;
    this.#space = space;
    this.#make = make;
    this.#fill = fill;
    box.addEventListener('scroll', () => this.#scrolled(), { passive: true });
  }

  // Rows, and their height in pixels; the row that was at the top stays there, unless told.
  set(count, height, { top = this.first } = {}) {
    this.#count = count;
    this.#height = height;
    this.#space.style.height = `${this.#extent}px`;
    this.clear();
    this.#go(Math.min(top, Math.max(0, count - 1)) * height);
    this.#draw();
  }

  // Fill all that is in view anew.
  clear() {
    for (const element of this.#elements.values()) element.remove();
    this.#spare.push(...this.#elements.values());
    this.#elements.clear();
  }

  refill() {
    for (const [row, element] of this.#elements) this.#fill(element, row);
  }

  // The row at the top.
  get first() {
    return Math.floor(this.#place / this.#height);
  }

  // Rows that the box shows in full.
  get inView() {
    return Math.max(1, Math.floor(this.#box.clientHeight / this.#height));
  }

  element(row) {
    return this.#elements.get(row) ?? null;
  }

  elements() {
    return this.#elements.entries();
  }

  reveal(row, margin = 0) {
    const [top, bottom] = [row * this.#height - margin, (row + 1) * this.#height + margin];
    const view = this.#box.clientHeight;
    if (top < this.#place) this.#go(top);
    else if (bottom > this.#place + view) this.#go(Math.min(top, bottom - view));
    else return;
    this.#draw();
  }

  get #all() {
    return this.#count * this.#height;
  }

  get #extent() {
    return Math.min(this.#all, TALLEST);
  }

  get #place() {
    return this.#box.scrollTop + this.#shift;
  }

  // Bring a place of the rows to the top of the box.
  #go(place) {
    const view = this.#box.clientHeight;
    const wanted = Math.max(0, Math.min(place, this.#all - view));
    const room = this.#extent - view;
    this.#shift = 0;
    if (this.#all > this.#extent) {
      const top = Math.round((wanted * room) / (this.#all - view));
      this.#shift = wanted - top;
    }
    this.#box.scrollTop = wanted - this.#shift;
    this.#top = this.#box.scrollTop;
  }

  #scrolled() {
    const top = this.#box.scrollTop;
    const view = this.#box.clientHeight;
    if (this.#all > this.#extent) {
      const room = this.#extent - view;
      if (Math.abs(top - this.#top) > 4 * view) {
        // The bar was dragged: the part of its way is that of all rows.
        this.#go((top * (this.#all - view)) / room);
      } else if ((top < view && this.#shift > 0) || top > room - view) {
        this.#go(this.#place);
      }
    }
    this.#top = this.#box.scrollTop;
    this.#draw();
  }

  #draw() {
    const place = this.#place;
    const first = Math.max(0, Math.floor(place / this.#height) - BEYOND);
    const end = Math.ceil((place + this.#box.clientHeight) / this.#height) + BEYOND;
    const last = Math.min(this.#count, end) - 1;
    for (const [row, element] of this.#elements) {
      if (row >= first && row <= last) continue;
      this.#elements.delete(row);
      this.#spare.push(element);
    }
    for (let row = first; row <= last; row += 1) {
      let element = this.#elements.get(row);
      if (!element) {
        element = this.#spare.pop() ?? this.#make();
        this.#elements.set(row, element);
        this.#fill(element, row);
        // Read aloud in their order.
        const next = this.#elements.get(row + 1);
        if (next) next.before(element);
        else this.#space.append(element);
      }
      element.style.transform = `translateY(${row * this.#height - this.#shift}px)`;
    }
    for (const element of this.#spare) element.remove();
    this.#spare.length = Math.min(this.#spare.length, 64);
  }
}
