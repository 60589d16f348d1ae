/* Parts of a file, read a piece at a time: of clips, only what is needed is in memory. */

const PIECE = 1 << 20;

export class ByteWindow {
  constructor(file) {
    this.file = file;
    this.size = file.size;
    this.from = 0;
    this.piece = new ArrayBuffer(0);
  }

  /** A DataView of these bytes; shorter where the file ends before. */
  async view(at, length) {
    const stop = Math.min(at + length, this.size);
    if (at < this.from || stop > this.from + this.piece.byteLength) {
      this.from = at;
      this.piece = await this.file.slice(at, Math.max(stop, at + PIECE)).arrayBuffer();
    }
    return new DataView(this.piece, at - this.from, Math.max(0, stop - at));
  }

  /** A copy of these bytes. Throws where the file ends before. */
  async bytes(at, length) {
    const { buffer, byteOffset, byteLength } = await this.view(at, length);
    if (byteLength < length) throw new Error("it was cut off: its end is missing.");
    return new Uint8Array(buffer, byteOffset, byteLength).slice();
  }
}

/** Bytes that are put one after another into a Blob, which the browser may put on disk. */
export class Spill {
  constructor() {
    this.blob = new Blob([]);
    this.parts = [];
    this.waiting = 0;
  }

  add(bytes) {
    this.parts.push(bytes);
    this.waiting += bytes.length;
    if (this.waiting > PIECE) this.whole();
  }

  whole() {
    this.blob = new Blob([this.blob, ...this.parts]);
    this.parts = [];
    this.waiting = 0;
    return this.blob;
  }
}

export const text = (view, at, length) =>
  String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));

/** One array of several. */
export function joined(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A whole number of 0 or more, or one below 0 as its complement, in so many bytes, the highest first. */
export const number = (value, bytes = 4) =>
  Uint8Array.from({ length: bytes }, (_, at) => Math.floor(value / 256 ** (bytes - 1 - at)) % 256);

export const letters = (word) => Uint8Array.from(word, (letter) => letter.charCodeAt(0));
