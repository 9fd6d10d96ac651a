// The page in a cell of a notebook: its files and all answers come as messages from Python.

function render({ model, el }) {
  const files = model.get('files');
  const root = el.attachShadow({ mode: 'open' });
  const page = new DOMParser().parseFromString(files['index.html'], 'text/html');
  const links = [...page.querySelectorAll('link[rel=stylesheet]')];
  const sheets = links.map((link) => files[link.getAttribute('href').split('/').pop()]);
  // Of the cell, not of the window.
  for (const sheet of [...sheets, '.app { height: 100%; }']) {
    const style = document.createElement('style');
    style.textContent = sheet;
    root.append(style);
  }
  const frame = document.createElement('div');
  frame.style.cssText = `height: ${model.get('height')}; overflow: auto;`;
  frame.append(...page.body.childNodes);
  root.append(frame);

  const urls = new Map();
  const asking = asker(model);
  import(moduleUrl('app.js', files, urls)).then(({ start }) => start(root, asking.send));
  return () => {
    asking.end();
    for (const url of urls.values()) URL.revokeObjectURL(url);
  };
}

// The address of a module in memory, after those that it imports.
function moduleUrl(name, files, urls) {
  if (!urls.has(name)) {
    const source = files[name].replace(
      /from '\.\/([\w.]+)'/g,
      (_, other) => `from '${moduleUrl(other, files, urls)}'`,
    );
    urls.set(name, URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  }
  return urls.get(name);
}

// `send` asks Python as `fetch` asks a server.
function asker(model) {
  const waiting = new Map();
  const hear = ({ request, status, headers }, buffers) => {
    waiting.get(request)?.(new Response(buffers[0], { status, headers }));
    waiting.delete(request);
  };
  let last = 0;
  model.on('msg:custom', hear);
  return {
    send: (path, { method = 'GET', headers = {}, body = null } = {}) =>
      new Promise((answer) => {
        last += 1;
        waiting.set(last, answer);
        model.send({ request: last, method, path, headers, body });
      }),
    end: () => model.off('msg:custom', hear),
  };
}

export default { render };
