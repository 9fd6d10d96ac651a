// What keys do where cards, the table or a large source have the focus.

// `actions` are functions; `view()` tells how many sources a row and a view of the shown list hold.
export function listenToKeys(element, state, actions, view) {
  element.addEventListener('keydown', (event) => {
    if (event.target.matches?.('input, select, textarea')) return;
    if (act(event, state, actions, view)) event.preventDefault();
  });
}

function act(event, state, actions, view) {
  const { key, shiftKey } = event;
  if (event.altKey) return false;
  if (event.ctrlKey || event.metaKey) {
    if (key !== 'a') return false;
    state.choose(state.shown);
    return true;
  }
  const step = stepOf(key, state, view());
  if (step !== null) {
    const from = state.place;
    state.go(from + step);
    if (shiftKey && actions.choosesRanges) state.choose(between(state, from));
    return true;
  }
  const action = {
    ' ': () => state.row !== null && state.toggle(state.row),
    Enter: actions.open,
    Escape: actions.leave,
    Backspace: () => actions.label(null),
    Delete: () => actions.label(null),
    0: () => actions.label(null),
    z: actions.undo,
    m: actions.similar,
    '/': actions.find,
    '?': actions.help,
  }[key];
  if (action) {
    action();
    return true;
  }
  const label = actions.labelOfKey(key);
  if (label === undefined) return false;
  actions.label(label);
  return true;
}

function stepOf(key, { place, shown }, { perRow, perView }) {
  const steps = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -perRow,
    ArrowDown: perRow,
    PageUp: -perView,
    PageDown: perView,
    Home: -place,
    End: shown.length - 1 - place,
  };
  return steps[key] ?? null;
}

function between(state, from) {
  const [first, last] = [Math.min(from, state.place), Math.max(from, state.place)];
  return state.shown.subarray(Math.max(first, 0), last + 1);
}
