// The part of the map that is in view, and which points lie in a region of it.

export class View {
  #positions = new Float32Array();
  #fitted = 1;
  width = 0; // pixels
  height = 0;
  x = 0; // in the middle
  y = 0;
  scale = 1; // pixels per unit

  setPositions(positions) {
    this.#positions = positions;
  }

  get count() {
    return this.#positions.length / 2;
  }

  get magnification() {
    return this.scale / this.#fitted;
  }

  // All points in view.
  fit() {
    const [left, right] = range(this.#positions, 0);
    const [bottom, top] = range(this.#positions, 1);
    const { width, height } = this;
    this.x = (left + right) / 2;
    this.y = (bottom + top) / 2;
    const scale = 0.94 * Math.min(width / (right - left), height / (top - bottom));
    this.#fitted = Number.isFinite(scale) && scale > 0 ? scale : 1;
    this.scale = this.#fitted;
  }

  // A place stays where it is, by default the middle.
  zoom(factor, [left, top] = [this.width / 2, this.height / 2]) {
    const [x, y] = this.#at(left, top);
    const scale = this.scale * factor;
    this.scale = Math.min(400 * this.#fitted, Math.max(0.5 * this.#fitted, scale));
    const [nowX, nowY] = this.#at(left, top);
    this.x += x - nowX;
    this.y += y - nowY;
  }

  move(right, down) {
    this.x += right / this.scale;
    this.y -= down / this.scale;
  }

  reveal(row) {
    const [left, top] = this.pixel(row);
    const { width, height } = this;
    if (left >= 0 && left <= width && top >= 0 && top <= height) return;
    const [x, y] = [this.#positions[2 * row], this.#positions[2 * row + 1]];
    if (Number.isNaN(x + y)) return;
    [this.x, this.y] = [x, y];
  }

  // Pixels from the left and the top; NaN where a source has no position.
  pixel(row) {
    const { width, height } = this;
    return [
      (this.#positions[2 * row] - this.x) * this.scale + width / 2,
      height / 2 - (this.#positions[2 * row + 1] - this.y) * this.scale,
    ];
  }

  rowsInView() {
    const { width, height } = this;
    return inLasso(this, [
      [0, 0],
      [width, 0],
      [width, height],
      [0, height],
    ]);
  }

  #at(left, top) {
    const { width, height } = this;
    return [this.x + (left - width / 2) / this.scale, this.y - (top - height / 2) / this.scale];
  }
}

function range(positions, start) {
  let [low, high] = [Infinity, -Infinity];
  for (let k = start; k < positions.length; k += 2) {
    if (positions[k] < low) low = positions[k];
    if (positions[k] > high) high = positions[k];
  }
  return low <= high ? [low, high] : [0, 1];
}

// Rows whose points lie in a polygon of pixels, by the number of its edges to their right.
export function inLasso(view, polygon) {
  const lefts = polygon.map(([left]) => left);
  const tops = polygon.map(([, top]) => top);
  const [least, most] = [Math.min(...lefts), Math.max(...lefts)];
  const [first, last] = [Math.min(...tops), Math.max(...tops)];
  const rows = [];
  for (let row = 0; row < view.count; row += 1) {
    const [left, top] = view.pixel(row);
    if (!(left >= least && left <= most && top >= first && top <= last)) continue;
    let inside = false;
    for (let k = 0, j = polygon.length - 1; k < polygon.length; j = k, k += 1) {
      const crosses = tops[k] > top !== tops[j] > top;
      if (!crosses) continue;
      const edge = ((lefts[j] - lefts[k]) * (top - tops[k])) / (tops[j] - tops[k]) + lefts[k];
      if (left < edge) inside = !inside;
    }
    if (inside) rows.push(row);
  }
  return rows;
}

// The row whose point is next to a pixel, or null if none is as near as `within` pixels.
export function nearest(view, rows, [left, top], within) {
  let [found, least] = [null, within];
  for (const row of rows) {
    const [x, y] = view.pixel(row);
    const distance = Math.hypot(x - left, y - top);
    if (distance <= least) [found, least] = [row, distance];
  }
  return found;
}
