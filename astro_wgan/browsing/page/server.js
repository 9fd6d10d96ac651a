// Requests to the server of the page; what goes wrong is an error whose message is a sentence.

import { readArrays } from './arrays.js';

export class ServerError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

const GONE = 'The server does not answer. If it has ended, start `astro-wgan browse` again.';

// A stamp that was not made in time, or a server that is starting: the same request may succeed.
const PASSING = new Set([0, 408, 425, 429, 500, 502, 503, 504]);
const PAUSES = [300, 1000, 3000];
const LONG = 1000; // milliseconds between questions for what takes long

export class Server {
  #send;
  #version = null;

  // `send(path, options)` answers as `fetch` does.
  constructor(send) {
    this.#send = send;
  }

  async results() {
    const results = await this.#json('/api/results');
    this.#version = String(results.version);
    return results;
  }

  // Values of all rows, by name: typed arrays, or lists of texts.
  columns(names) {
    return this.#arrays(`/api/columns?${query({ name: names })}`);
  }

  // Rows in an order, those that pass all filters.
  async order(by, filters, tell) {
    return (await this.#arrays(`/api/order?${query({ by, ...filters })}`, { tell })).rows;
  }

  // Pictures of many rows: of those from `64 * number` on, which the browser keeps, or of any.
  async sheet(number, picture) {
    const path = `/api/sheet/${number}?${query({ picture, version: this.#version })}`;
    return (await this.#patiently(path)).blob();
  }

  async cells(rows, picture) {
    const parts = { rows: rows.join(','), picture, version: this.#version };
    return (await this.#patiently(`/api/cells?${query(parts)}`)).blob();
  }

  async picture(row, picture) {
    const path = `/api/picture/${row}/${picture}?${query({ version: this.#version })}`;
    return (await this.#patiently(path)).blob();
  }

  source(row) {
    return this.#json(`/api/source/${row}`);
  }

  map(tell) {
    return this.#arrays('/api/map', { tell });
  }

  labels(since) {
    return this.#json(since === undefined ? '/api/labels' : `/api/labels?${query({ since })}`);
  }

  async labelFile() {
    return (await this.#ask('/api/labels.csv')).text();
  }

  // `label` null takes a label away.
  label(rows, label) {
    return this.#write('/api/labels', { rows, label });
  }

  undo() {
    return this.#write('/api/undo', {});
  }

  rerank(tell) {
    return this.#arrays('/api/rerank', { ...written({}), tell });
  }

  async #write(path, body) {
    return (await this.#ask(path, written(body))).json();
  }

  async #json(path) {
    return (await this.#ask(path)).json();
  }

  async #arrays(path, options) {
    return readArrays(await (await this.#ask(path, options)).arrayBuffer());
  }

  async #patiently(path) {
    for (const wait of PAUSES) {
      try {
        return await this.#ask(path);
      } catch (error) {
        if (!PASSING.has(error.status)) throw error;
        await pause(wait);
      }
    }
    return this.#ask(path);
  }

  // What takes long is asked for again until it is there; `tell` gets a sentence in the meantime.
  async #ask(path, { tell = () => {}, ...options } = {}) {
    for (;;) {
      const response = await this.#once(path, options);
      if (response.status !== 202) return response;
      const { waiting, done } = await response.json();
      const part = done === null ? '' : `, ${Math.floor(100 * done)} %`;
      tell(`${waiting[0].toUpperCase()}${waiting.slice(1)}${part} …`);
      await pause(LONG);
    }
  }

  async #once(path, options) {
    const headers = { ...options.headers };
    if (this.#version !== null) headers['X-Results-Version'] = this.#version;
    let response;
    try {
      response = await this.#send(path, { ...options, headers });
    } catch {
      throw new ServerError(GONE);
    }
    if (!response.ok) throw new ServerError(await sentence(response), response.status);
    return response;
  }
}

function query(parts) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(parts)) {
    for (const one of [value].flat()) found.append(name, one);
  }
  return found;
}

function written(content) {
  const body = JSON.stringify(content);
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body,
    // Also if the page is closed in the meantime, for which browsers allow no more.
    keepalive: body.length < 60_000,
  };
}

async function sentence(response) {
  try {
    const { error } = await response.json();
    if (typeof error === 'string') return error;
  } catch {
    // Not from the server of this package.
  }
  return `The server answered with the status ${response.status}.`;
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
