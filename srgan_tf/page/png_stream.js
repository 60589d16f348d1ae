/* A PNG file of 8 bits, written in bands of rows: only what is compressed is kept, in a Blob that the browser may put on disk. */

const COLOUR_TYPES = { 1: 0, 2: 4, 3: 2, 4: 6 }; // number of channels: grey, grey and alpha, RGB, RGBA
const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte & 1 ? 0xedb88320 ^ (byte >>> 1) : byte >>> 1;
  return byte;
});

/** CRC-32 of bytes, continued from that of bytes before them. */
export function crc32(bytes, before = 0) {
  let crc = ~before;
  for (let at = 0; at < bytes.length; at++) crc = CRC[(crc ^ bytes[at]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

function chunk(name, data) {
  const bytes = new Uint8Array(12 + data.length), view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set([...name].map((letter) => letter.charCodeAt(0)), 4);
  bytes.set(data, 8);
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)));
  return bytes;
}

export class PngStream {
  /** Takes the size and the number of channels, 1 to 4. */
  constructor(width, height, channels) {
    const header = new Uint8Array(13), view = new DataView(header.buffer);
    view.setUint32(0, width);
    view.setUint32(4, height);
    header.set([8, COLOUR_TYPES[channels], 0, 0, 0], 8);
    this.blob = new Blob([new Uint8Array(SIGNATURE), chunk("IHDR", header), chunk("sRGB", new Uint8Array(1))]);
    this.channels = channels;
    this.stride = width * channels;
    this.above = new Uint8Array(this.stride);
    const deflate = new CompressionStream("deflate");
    this.writer = deflate.writable.getWriter();
    this.finished = this.collect(deflate.readable.getReader());
  }

  async collect(reader) {
    let parts = [], size = 0;
    const flush = () => {
      if (size) this.blob = new Blob([this.blob, chunk("IDAT", joined(parts, size))]);
      parts = [];
      size = 0;
    };
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      parts.push(value);
      size += value.length;
      if (size > 1 << 20) flush();
    }
    flush();
  }

  /** Takes the next rows, bytes [h,W,C]. */
  async add(rows) {
    const { stride, channels } = this, count = rows.length / stride;
    const filtered = new Uint8Array(count * (stride + 1));
    for (let y = 0; y < count; y++) {
      const row = rows.subarray(y * stride, (y + 1) * stride);
      paeth(row, this.above, channels, filtered.subarray(y * (stride + 1), (y + 1) * (stride + 1)));
      this.above = row;
    }
    this.above = this.above.slice();
    await this.writer.write(filtered);
  }

  /** The file. */
  async finish() {
    await this.writer.close();
    await this.finished;
    return new Blob([this.blob, chunk("IEND", new Uint8Array(0))], { type: "image/png" });
  }
}

function joined(parts, size) {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The filter of that name (PNG specification, 9.4): each byte less the nearest of left, above and above left. */
function paeth(row, above, channels, target) {
  target[0] = 4;
  for (let at = 0; at < row.length; at++) {
    const left = at < channels ? 0 : row[at - channels], corner = at < channels ? 0 : above[at - channels];
    const up = above[at], a = Math.abs(up - corner), b = Math.abs(left - corner), c = Math.abs(left + up - 2 * corner);
    target[at + 1] = row[at] - (a <= b && a <= c ? left : b <= c ? up : corner);
  }
}
