/* MATLAB's bicubic reduction of an image that comes in bands of rows: as BandResizer of srgan_tf/imaging/resize.py. */

/** Keys's kernel. */
function cubic(x) {
  x = Math.abs(x);
  return x <= 1 ? 1.5 * x ** 3 - 2.5 * x ** 2 + 1 : x <= 2 ? -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 : 0;
}

/** For each output pixel of an axis: the input pixels that make it, with their weights. Beyond the edge lies its mirror image. */
export function contributions(length, outputLength, scale) {
  const wide = 4 / Math.min(scale, 1), stretch = Math.min(scale, 1);
  return Array.from({ length: outputLength }, (_, out) => {
    const middle = (out + 0.5) / scale - 0.5, first = Math.floor(middle - wide / 2) + 1;
    const taps = [];
    let sum = 0;
    for (let place = first; place <= first + Math.ceil(wide); place++) {
      const weight = cubic(stretch * (middle - place));
      if (!weight) continue;
      const turned = ((place % (2 * length)) + 2 * length) % (2 * length);
      taps.push([turned < length ? turned : 2 * length - 1 - turned, weight]);
      sum += weight;
    }
    return taps.map(([place, weight]) => [place, weight / sum]);
  });
}

export class BandReducer {
  /** Takes the size of the whole input, the size of the result, output over input, and the number of channels. */
  constructor({ width, height }, size, scale, channels) {
    this.columns = contributions(width, size.width, scale);
    this.rows = contributions(height, size.height, scale);
    this.size = size;
    this.channels = channels;
    this.kept = new Map(); // input row: it, reduced to the result's width
    this.next = 0;
    this.done = 0;
  }

  /** Takes the next rows, Float32Array [h,W,C]; gives those of the result that they complete. */
  add(band, count) {
    const stride = band.length / count;
    for (let y = 0; y < count; y++) this.kept.set(this.next++, this.across(band.subarray(y * stride, (y + 1) * stride)));
    const finished = [];
    while (this.done < this.size.height && this.rows[this.done].every(([place]) => place < this.next)) {
      finished.push(this.row(this.rows[this.done++]));
    }
    const needed = this.done < this.size.height
      ? Math.min(...this.rows.slice(this.done, this.done + 8).flatMap((taps) => taps.map(([place]) => place))) : Infinity;
    for (const place of this.kept.keys()) if (place < needed) this.kept.delete(place);
    const wide = this.size.width * this.channels, joined = new Float32Array(finished.length * wide);
    finished.forEach((row, y) => joined.set(row, y * wide));
    return joined;
  }

  across(row) {
    const { channels } = this, made = new Float32Array(this.size.width * channels);
    this.columns.forEach((taps, x) => {
      for (const [place, weight] of taps) {
        for (let one = 0; one < channels; one++) made[x * channels + one] += weight * row[place * channels + one];
      }
    });
    return made;
  }

  row(taps) {
    const made = new Float32Array(this.size.width * this.channels);
    for (const [place, weight] of taps) {
      const row = this.kept.get(place);
      for (let at = 0; at < made.length; at++) made[at] += weight * row[at];
    }
    return made;
  }
}
