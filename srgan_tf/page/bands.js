/* What is made of an image, in bands of rows: tile by tile, reduced where a smaller size was asked for, rounded half up. */
import { REACH, upscaleTile } from "./channels.js";
import { BandReducer } from "./reduce.js";
import { smallestTile, windows } from "./tiles.js";

const OVERLAP = 16; // as in srgan_tf/config/choices.py

export class Upscaling {
  /**
   * How images of one size are divided, and what size their results have.
   *
   * @param size {width, height} of the images
   * @param kind {grey, alpha} of them
   * @param model an entry of models.json
   * @param times how many times larger the results are: the model's scale, or less
   */
  constructor(size, kind, model, times) {
    const reach = model.receptive_radius ?? OVERLAP, { tile, alignment } = model;
    const overlap = Math.min(OVERLAP, kind.alpha ? Math.max(reach, REACH) : reach);
    const axis = (length) => windows(length, smallestTile(length, tile, overlap, alignment), overlap, alignment);
    Object.assign(this, { kind, model, times, scale: model.scale, rows: axis(size.height), columns: axis(size.width) });
    this.channels = (kind.grey ? 1 : 3) + (kind.alpha ? 1 : 0);
    this.full = { width: size.width * model.scale, height: size.height * model.scale };
    this.width = Math.ceil(size.width * times);
    this.height = Math.ceil(size.height * times);
    this.total = this.rows.length * this.columns.length;
  }

  /**
   * Upscales one image.
   *
   * @param pixels a function: x, y, width, height -> RGBA bytes of that part of the image
   * @param write takes the next rows of the result, bytes [h,W,C]; may be asynchronous
   * @param step called after each of `total` tiles
   * @param tell as that of `open` in model.js
   */
  async run(pixels, write, step, tell) {
    const { open } = await import(this.model.place === "server" ? "./remote.js" : "./model.js");
    const { full, times, scale, channels } = this;
    const reducer = times === scale ? null : new BandReducer(full, this, times / scale, channels);
    for (const row of this.rows) {
      const length = (row.keepStop - row.keepStart) * scale * full.width * channels;
      const band = reducer ? new Float32Array(length) : new Uint8Array(length);
      for (const column of this.columns) {
        const [width, height] = [column.stop - column.start, row.stop - row.start];
        const run = await open(this.model, height, width, tell);
        const tile = await pixels(column.start, row.start, width, height);
        this.place(band, await upscaleTile(run, tile, width, height, scale, this.kind), row, column);
        step();
      }
      const rows = reducer ? this.reduced(reducer, band) : band;
      if (rows.length) await write(rows);
    }
  }

  /** Puts what is kept of a tile into its band: levels, or numbers where they are reduced first. */
  place(band, tile, row, column) {
    const { scale, channels } = this, stride = (column.stop - column.start) * scale * channels;
    const left = (column.keepStart - column.start) * scale * channels;
    const length = (column.keepStop - column.keepStart) * scale * channels;
    const top = (row.keepStart - row.start) * scale, levels = band instanceof Uint8Array;
    for (let y = 0; y < (row.keepStop - row.keepStart) * scale; y++) {
      const from = (top + y) * stride + left, to = (y * this.full.width + column.keepStart * scale) * channels;
      if (levels) for (let at = 0; at < length; at++) band[to + at] = level(tile[from + at]);
      else for (let at = 0; at < length; at++) band[to + at] = Math.min(1, Math.max(0, tile[from + at]));
    }
  }

  reduced(reducer, band) {
    const { channels, kind } = this;
    if (kind.alpha) multiply(band, channels);
    const rows = reducer.add(band, band.length / (this.full.width * channels));
    if (kind.alpha) divide(rows, channels);
    return Uint8Array.from(rows, level);
  }
}

function level(value) {
  return value <= 0 ? 0 : value >= 1 ? 255 : Math.floor(value * 255 + 0.5);
}

function multiply(rows, channels) {
  for (let at = 0; at < rows.length; at += channels) {
    for (let one = 0; one < channels - 1; one++) rows[at + one] *= rows[at + channels - 1];
  }
}

function divide(rows, channels) {
  for (let at = 0; at < rows.length; at += channels) {
    const alpha = rows[at + channels - 1] = Math.min(1, Math.max(0, rows[at + channels - 1]));
    for (let one = 0; one < channels - 1; one++) rows[at + one] = alpha > 0 ? rows[at + one] / alpha : 0;
  }
}
