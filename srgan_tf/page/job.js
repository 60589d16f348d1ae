/* An image from its file to the file of its result. At any time there is one decoded copy of the image, and of the result
   only a row of tiles; what is finished lies compressed in a Blob. */
import { REACH, upscaleTile } from "./channels.js";
import { PngStream } from "./png_stream.js";
import { Preview } from "./preview.js";
import { BandReducer } from "./reduce.js";
import { smallestTile, windows } from "./tiles.js";

const OVERLAP = 16; // as in srgan_tf/config/choices.py

/** Loads the runtime and a model before they are needed. */
export async function prepare({ model }, report) {
  const { load, read } = await import("./model.js");
  await Promise.all([load(), read(model)]);
  report("ready");
}

/**
 * @param file of the image
 * @param model an entry of models.json
 * @param times how many times larger the result is: the model's scale, or less
 */
export async function upscale({ file, model, times }, report) {
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error("This browser cannot read the image.");
  });
  let pixels = reader(bitmap);
  const kind = kindOf(bitmap, pixels);
  if (kind.alpha) pixels = await straightReader(file) ?? pixels;
  const overlap = Math.min(OVERLAP, kind.alpha ? Math.max(model.receptive_radius ?? OVERLAP, REACH)
    : model.receptive_radius ?? OVERLAP);
  const axis = (size) => windows(size, smallestTile(size, model.tile, overlap, model.alignment), overlap, model.alignment);
  const rows = axis(bitmap.height), columns = axis(bitmap.width);
  const { open } = await import(model.place === "server" ? "./remote.js" : "./model.js");
  const result = new Result(bitmap, model.scale, times, kind);
  const total = rows.length * columns.length;
  let done = 0;
  report("started", { total, width: result.width, height: result.height });
  for (const row of rows) {
    const band = result.band(row.keepStop - row.keepStart);
    for (const column of columns) {
      const [width, height] = [column.stop - column.start, row.stop - row.start];
      const run = await open(model, height, width);
      const tile = await pixels(column.start, row.start, width, height);
      result.place(band, await upscaleTile(run, tile, width, height, model.scale, kind), row, column);
      report("progress", { done: ++done, total });
    }
    await result.add(band);
  }
  bitmap.close();
  const { width, height } = result;
  report("done", { blob: await result.png.finish(), preview: await result.preview?.finish(), width, height });
}

/** A function: x, y, width, height -> RGBA bytes of that part of a bitmap. */
function reader(bitmap) {
  let canvas = null, context = null;
  return (x, y, width, height) => {
    if (canvas?.width !== width || canvas.height !== height) {
      canvas = new OffscreenCanvas(width, height);
      context = canvas.getContext("2d", { willReadFrequently: true });
    }
    context.clearRect(0, 0, width, height);
    context.drawImage(bitmap, -x, -y);
    return context.getImageData(0, 0, width, height).data;
  };
}

/**
 * As `reader`, for what is transparent: a canvas holds colour multiplied by alpha, rounded, and loses some of it, a texture
 * does not. Null where the browser has none.
 */
async function straightReader(file) {
  const gl = new OffscreenCanvas(1, 1).getContext("webgl");
  if (!gl) return null;
  const bitmap = await createImageBitmap(file, { premultiplyAlpha: "none" });
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  return async (x, y, width, height) => {
    const part = await createImageBitmap(bitmap, x, y, width, height, { premultiplyAlpha: "none" });
    const pixels = new Uint8Array(4 * width * height);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, part);
    part.close();
    const texture = gl.getParameter(gl.TEXTURE_BINDING_2D);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    return pixels;
  };
}

/** Whether an image is grey all over, and whether anything of it is transparent. */
function kindOf({ width, height }, pixels) {
  const kind = { grey: true, alpha: false }, side = 512;
  for (let y = 0; y < height; y += side) {
    for (let x = 0; x < width; x += side) {
      const part = pixels(x, y, Math.min(side, width - x), Math.min(side, height - y));
      for (let at = 0; at < part.length; at += 4) {
        if (part[at] !== part[at + 1] || part[at] !== part[at + 2]) kind.grey = false;
        if (part[at + 3] !== 255) kind.alpha = true;
      }
      if (!kind.grey && kind.alpha) return kind;
    }
  }
  return kind;
}

/** What is made of an image, in bands: reduced where a smaller size was asked for, rounded half up, written as PNG. */
class Result {
  constructor({ width, height }, scale, times, { grey, alpha }) {
    this.scale = scale;
    this.alpha = alpha;
    this.channels = (grey ? 1 : 3) + (alpha ? 1 : 0);
    this.wide = width * scale;
    this.width = Math.ceil(width * times);
    this.height = Math.ceil(height * times);
    if (times !== scale) {
      this.reducer = new BandReducer({ width: width * scale, height: height * scale }, this, times / scale, this.channels);
    }
    this.png = new PngStream(this.width, this.height, this.channels);
    this.preview = Preview.of(this.width, this.height, this.channels);
  }

  band(rows) {
    const length = rows * this.scale * this.wide * this.channels;
    return this.reducer ? new Float32Array(length) : new Uint8Array(length);
  }

  /** Puts what is kept of a tile into its band. */
  place(band, tile, row, column) {
    const { scale, channels } = this, stride = (column.stop - column.start) * scale * channels;
    const left = (column.keepStart - column.start) * scale * channels;
    const length = (column.keepStop - column.keepStart) * scale * channels;
    const top = (row.keepStart - row.start) * scale;
    for (let y = 0; y < (row.keepStop - row.keepStart) * scale; y++) {
      const from = (top + y) * stride + left, to = (y * this.wide + column.keepStart * scale) * channels;
      if (this.reducer) for (let at = 0; at < length; at++) band[to + at] = Math.min(1, Math.max(0, tile[from + at]));
      else for (let at = 0; at < length; at++) band[to + at] = level(tile[from + at]);
    }
  }

  async add(band) {
    let rows = band;
    if (this.reducer) {
      const { channels, alpha } = this;
      if (alpha) multiply(band, channels);
      const reduced = this.reducer.add(band, band.length / (this.wide * channels));
      if (alpha) divide(reduced, channels);
      rows = Uint8Array.from(reduced, level);
    }
    if (!rows.length) return;
    await this.preview?.add(rows);
    await this.png.add(rows);
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
