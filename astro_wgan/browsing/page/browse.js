// The page in a window of its own, with the server that it came from.

import { start } from './app.js';

start(document, (path, options) => fetch(path, options));
