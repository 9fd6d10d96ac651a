// Drawing of very many points, by WebGL, or on a plain canvas where there is none.

import { OPACITIES } from './colors.js';

const VERTEX = `
attribute vec2 position;
attribute vec4 color;
uniform vec2 middle;
uniform vec2 scale;
uniform float size;
varying vec4 shade;
void main() {
  // The more opaque points lie on top.
  gl_Position = vec4((position - middle) * scale, -color.a, 1.0);
  gl_PointSize = size;
  shade = vec4(color.rgb * color.a, color.a);
}`;
const FRAGMENT = `
precision mediump float;
varying vec4 shade;
void main() {
  float r = length(gl_PointCoord - 0.5);
  if (r > 0.5) discard;
  gl_FragColor = shade;
}`;

// Draws points on a canvas: `setPositions` of pairs of numbers, `setColors` of four bytes (red,
// green, blue, opacity) for each, `draw` of a view: its middle, and pixels per unit.
export function makePoints(canvas) {
  const options = { antialias: false, preserveDrawingBuffer: true };
  const gl = canvas.getContext('webgl', options);
  return gl ? new WebGLPoints(canvas, gl) : new CanvasPoints(canvas);
}

class WebGLPoints {
  #canvas;
  #gl;
  #program;
  #count = 0;
  #buffers;

  constructor(canvas, gl) {
    this.#canvas = canvas;
    this.#gl = gl;
    this.#begin();
    // A graphics card that was taken away, and is back.
    canvas.addEventListener('webglcontextlost', (event) => event.preventDefault());
    canvas.addEventListener('webglcontextrestored', () => {
      this.#begin();
      if (this.positions) this.setPositions(this.positions);
      if (this.colors) this.setColors(this.colors);
      canvas.dispatchEvent(new Event('redraw'));
    });
  }

  #begin() {
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [type, text] of [
      [gl.VERTEX_SHADER, VERTEX],
      [gl.FRAGMENT_SHADER, FRAGMENT],
    ]) {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    gl.useProgram(program);
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.#program = program;
    this.#buffers = { position: gl.createBuffer(), color: gl.createBuffer() };
  }

  setPositions(positions) {
    this.positions = positions;
    this.#count = positions.length / 2;
    this.#fill('position', positions, 2, this.#gl.FLOAT, false);
  }

  setColors(colors) {
    this.colors = colors;
    this.#fill('color', colors, 4, this.#gl.UNSIGNED_BYTE, true);
  }

  #fill(name, values, size, type, normalized) {
    const gl = this.#gl;
    const place = gl.getAttribLocation(this.#program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, type, normalized, 0, 0);
  }

  draw({ x, y, scale }, size) {
    const gl = this.#gl;
    const { width, height } = this.#canvas;
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const uniform = (name) => gl.getUniformLocation(this.#program, name);
    gl.uniform2f(uniform('middle'), x, y);
    gl.uniform2f(uniform('scale'), (2 * scale) / width, (2 * scale) / height);
    gl.uniform1f(uniform('size'), size);
    gl.drawArrays(gl.POINTS, 0, this.#count);
  }
}

class CanvasPoints {
  #canvas;
  #context;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d');
  }

  setPositions(positions) {
    this.positions = positions;
  }

  setColors(colors) {
    this.colors = colors;
  }

  // Pixels are set one by one: 10^5 calls for rectangles would take longer.
  draw({ x, y, scale }, size) {
    const { width, height } = this.#canvas;
    const image = this.#context.createImageData(width, height);
    const pixels = image.data;
    for (const alpha of [...OPACITIES].reverse()) this.#add(pixels, alpha, { x, y, scale }, size);
    this.#context.putImageData(image, 0, 0);
  }

  // The points of one opacity, as squares.
  #add(pixels, alpha, { x, y, scale }, size) {
    const { width, height } = this.#canvas;
    const { positions, colors } = this;
    const edge = Math.max(1, Math.round(size * 0.8));
    for (let k = 0; k < positions.length / 2; k += 1) {
      if (colors[4 * k + 3] !== alpha) continue;
      const left = Math.round((positions[2 * k] - x) * scale + width / 2 - edge / 2);
      const top = Math.round(height / 2 - (positions[2 * k + 1] - y) * scale - edge / 2);
      // Also false where a source has no position.
      if (!(left >= 0 && top >= 0 && left + edge <= width && top + edge <= height)) continue;
      for (let row = top; row < top + edge; row += 1) {
        for (let at = 4 * (row * width + left); at < 4 * (row * width + left + edge); at += 4) {
          const rest = pixels[at + 3] * (1 - alpha / 255);
          const all = alpha + rest;
          for (let band = 0; band < 3; band += 1) {
            pixels[at + band] = (colors[4 * k + band] * alpha + pixels[at + band] * rest) / all;
          }
          pixels[at + 3] = all;
        }
      }
    }
  }
}
