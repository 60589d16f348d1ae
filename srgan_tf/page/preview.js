/* What is shown of a result that is too large for a tab: each of its pixels is the average of so many by so many. */
import { PngStream } from "./png_stream.js";

const MOST = 12e6; // pixels that are shown

export class Preview {
  /** A preview, or null where the result itself can be shown. */
  static of(width, height, channels) {
    let times = 1;
    while (width * height > MOST * times * times) times++;
    return times > 1 ? new Preview(width, height, channels, times) : null;
  }

  constructor(width, height, channels, times) {
    Object.assign(this, { channels, times, stride: width * channels, filled: 0 });
    this.width = Math.floor(width / times);
    this.height = Math.floor(height / times);
    this.sums = new Float32Array(this.width * channels);
    this.png = new PngStream(this.width, this.height, channels);
  }

  /** Takes the next rows of the result, bytes [h,W,C]. */
  async add(rows) {
    const { channels, times, stride, sums } = this;
    for (let from = 0; from < rows.length; from += stride) {
      for (let x = 0; x < this.width * times; x++) {
        const to = Math.floor(x / times) * channels;
        for (let one = 0; one < channels; one++) sums[to + one] += rows[from + x * channels + one];
      }
      if (++this.filled % times === 0) {
        if (this.filled / times <= this.height) {
          await this.png.add(Uint8Array.from(sums, (sum) => sum / times ** 2 + 0.5));
        }
        sums.fill(0);
      }
    }
  }

  /** Its file. */
  finish() {
    return this.png.finish();
  }
}
