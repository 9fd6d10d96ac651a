// Pictures of cards, from sheets that hold those of many sources; a few sheets are kept.

const AT_ONCE = 4;
const KEPT_PIXELS = 8e6; // 32 MB
const AGAIN = 10_000; // milliseconds until what has failed is asked for again

export class Sheets {
  #server;
  #sprite;
  #arrived;
  #rows = new Uint32Array();
  #areRanks = true;
  #turn = 0; // of the rows, of which sheets are asked for
  #sheets = new Map(); // key -> ImageBitmap, the one used last at the end
  #wanted = []; // keys, most urgent first
  #asked = new Set();
  #failed = new Set(); // keys

  // `sprite` tells the pixels of a picture and how many a sheet holds; `arrived(failure)` is called
  // when there may be more to draw, with a sentence if a sheet could not be had.
  constructor(server, sprite, arrived) {
    this.#server = server;
    this.#sprite = sprite;
    this.#arrived = arrived;
  }

  // From now on places are those of these rows; of all rows by rank if `areRanks`.
  show(rows, areRanks) {
    this.#rows = rows;
    this.#areRanks = areRanks;
    this.#turn += 1;
    for (const sheet of this.#sheets.values()) sheet.close();
    this.#sheets.clear();
    this.#asked.clear();
    this.#failed.clear();
    this.#wanted = [];
  }

  key(place, picture) {
    return `${Math.floor(place / this.#sprite.perSheet)} ${picture}`;
  }

  // Ask for what is in view, and for nothing that no longer is.
  want(keys) {
    this.#wanted = keys.filter((key) => !this.#sheets.has(key) && !this.#failed.has(key));
    this.#ask();
  }

  // Whether the picture of a place could be drawn at `x`; if not, its sheet is not there.
  draw(context, x, place, picture) {
    const key = this.key(place, picture);
    const sheet = this.#sheets.get(key);
    if (!sheet) return false;
    this.#sheets.delete(key);
    this.#sheets.set(key, sheet);
    const { cell, columns, perSheet } = this.#sprite;
    const [width, height] = cell;
    const at = place % perSheet;
    const [left, top] = [(at % columns) * width, Math.floor(at / columns) * height];
    context.drawImage(sheet, left, top, width, height, x, 0, width, height);
    return true;
  }

  hasFailed(place, picture) {
    return this.#failed.has(this.key(place, picture));
  }

  #ask() {
    while (this.#asked.size < AT_ONCE && this.#wanted.length) {
      const key = this.#wanted.shift();
      if (!this.#asked.has(key)) this.#get(key);
    }
  }

  async #get(key) {
    const turn = this.#turn;
    this.#asked.add(key);
    let [sheet, failure] = [null, null];
    try {
      sheet = await createImageBitmap(await this.#file(key));
    } catch (error) {
      failure = error.message;
    }
    // Other rows may be shown by now.
    if (turn !== this.#turn) {
      sheet?.close();
      return;
    }
    this.#asked.delete(key);
    if (sheet) this.#sheets.set(key, sheet);
    else this.#fail(key);
    this.#forget();
    this.#arrived(failure);
    this.#ask();
  }

  #fail(key) {
    const turn = this.#turn;
    this.#failed.add(key);
    setTimeout(() => {
      if (turn !== this.#turn) return;
      this.#failed.delete(key);
      this.#arrived(null);
    }, AGAIN);
  }

  #file(key) {
    const [number, picture] = key.split(' ');
    if (this.#areRanks) return this.#server.sheet(number, picture);
    const { perSheet } = this.#sprite;
    const rows = this.#rows.subarray(number * perSheet, (Number(number) + 1) * perSheet);
    return this.#server.cells(rows, picture);
  }

  #forget() {
    let pixels = 0;
    for (const [key, sheet] of [...this.#sheets].reverse()) {
      pixels += sheet.width * sheet.height;
      if (pixels <= KEPT_PIXELS) continue;
      sheet.close();
      this.#sheets.delete(key);
    }
  }
}
