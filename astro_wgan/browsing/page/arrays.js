// Arrays of numbers and lists of texts from the bytes of one answer, as
// `astro_wgan.browsing.binary_arrays` packs them.

const TYPES = {
  uint8: Uint8Array,
  uint32: Uint32Array,
  float32: Float32Array,
  float64: Float64Array,
};

// Arrays by name, and `about`: the rest of the header.
export function readArrays(buffer) {
  const size = new DataView(buffer).getUint32(0, true);
  const text = new TextDecoder();
  const { arrays, ...about } = JSON.parse(text.decode(new Uint8Array(buffer, 4, size)));
  const found = { about };
  for (const { name, type, offset, length } of arrays) {
    const start = 4 + size + offset;
    if (type === 'json') {
      found[name] = JSON.parse(text.decode(new Uint8Array(buffer, start, length)));
    } else {
      const Type = TYPES[type];
      found[name] = new Type(buffer, start, length / Type.BYTES_PER_ELEMENT);
    }
  }
  return found;
}
