/* Frames of video <-> RGB. Browsers convert by themselves too, but by a matrix of their choice, between primaries as well,
   and not to the nearest level. Chroma lies left, as in srgan_tf/video/yuv.py. */

export const COLOURS = { primaries: "bt709", transfer: "bt709", matrix: "bt709", fullRange: false };
const [RED, BLUE] = [0.2126, 0.0722]; // shares of luma: Rec. ITU-R BT.709, 3.2
const SHARES = { bt709: [RED, BLUE], smpte170m: [0.299, 0.114], bt470bg: [0.299, 0.114] };
/* How many pixels share a number of chroma, across and down. */
const SHARED = { I420: [2, 2], NV12: [2, 2], I422: [2, 1], I444: [1, 1] };

/**
 * Planes Y, U and V, one after another, of bytes [H,W,3]: BT.709 of limited range, chroma halved on both axes. Where a side
 * is odd, its last row or column is doubled.
 */
export function planar(pixels, width, height) {
  const wide = width + width % 2, high = height + height % 2, half = wide / 2, count = wide * high;
  const data = new Uint8ClampedArray(count * 3 / 2), sums = [new Float32Array(count / 4), new Float32Array(count / 4)];
  for (let y = 0; y < high; y++) {
    const row = Math.min(y, height - 1) * width, chroma = (y >> 1) * half;
    for (let x = 0; x < wide; x++) {
      const at = 3 * (row + Math.min(x, width - 1)), place = chroma + (x >> 1), odd = x & 1;
      const luma = RED * pixels[at] + (1 - RED - BLUE) * pixels[at + 1] + BLUE * pixels[at + 2];
      data[y * wide + x] = 16 + luma * 219 / 255;
      for (let one = 0; one < 2; one++) { // each number is of the pixel above it, half, and of its neighbours, a quarter
        const part = (pixels[at + (one ? 0 : 2)] - luma) / 8;
        sums[one][place] += odd || !x ? part : 2 * part;
        if (!x) sums[one][place] += 2 * part;
        if (odd && x + 1 < wide) sums[one][place + 1] += part;
      }
    }
  }
  [BLUE, RED].forEach((share, one) => sums[one].forEach((sum, at) => {
    data[count + one * count / 4 + at] = 128 + sum * 112 / 255 / (1 - share);
  }));
  return new Uint8Array(data.buffer);
}

/** A frame as ImageData, or null where the browser does not show its planes, or they are of a kind unknown here. */
export async function unpacked(frame) {
  const [, name, deep] = /^(NV12|I4\d\d)A?(?:P(\d+))?$/.exec(frame.format ?? "") ?? [], shared = SHARED[name];
  const { matrix, fullRange } = frame.colorSpace, { width, height } = frame.visibleRect;
  const shares = SHARES[matrix ?? (width >= 1280 || height > 576 ? "bt709" : "smpte170m")];
  if (!shared || !shares) return null;
  const bytes = new Uint8Array(frame.allocationSize()), planes = await frame.copyTo(bytes), bits = Number(deep ?? 8);
  const size = { width: Math.ceil(width / shared[0]), height: Math.ceil(height / shared[1]) }, pairs = name === "NV12";
  const luma = plane(bytes, planes[0], { width, height }, bits, 1, 0);
  const chroma = [0, 1].map((one) => spread(
    plane(bytes, planes[pairs ? 1 : 1 + one], size, bits, pairs ? 2 : 1, pairs ? one : 0), size, shared, width, height));
  const most = (2 ** bits - 1) / 2 ** (bits - 8), range = fullRange ? [0, most, most] : [16, 219, 224];
  return coloured(luma, chroma, shares, range, new ImageData(width, height));
}

function coloured(luma, [blues, reds], [red, blue], [zero, most, wide], image) {
  const { data } = image;
  for (let at = 0; at < luma.length; at++) {
    const y = (luma[at] - zero) * 255 / most;
    const r = y + (reds[at] - 128) * 510 / wide * (1 - red), b = y + (blues[at] - 128) * 510 / wide * (1 - blue);
    data[4 * at] = r;
    data[4 * at + 1] = (y - red * r - blue * b) / (1 - red - blue);
    data[4 * at + 2] = b;
    data[4 * at + 3] = 255;
  }
  return image;
}

/** The numbers of a plane, or every `step`th of them, in units of 8 bits. */
function plane(bytes, { offset, stride }, { width, height }, bits, step, first) {
  const numbers = new Float32Array(width * height), deep = bits > 8, view = new DataView(bytes.buffer);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = x * step + first;
      numbers[y * width + x] = deep ? view.getUint16(offset + y * stride + 2 * at, true) / 2 ** (bits - 8)
        : bytes[offset + y * stride + at];
    }
  }
  return numbers;
}

/** Chroma for each pixel, linearly between those that there are: left of those that share one, and halfway down. */
function spread(numbers, size, [across, down], width, height) {
  if (across * down === 1) return numbers;
  const full = new Float32Array(width * height), inside = (at, length) => Math.min(length - 1, Math.max(0, at));
  for (let y = 0; y < height; y++) {
    const place = (y + 0.5) / down - 0.5, above = Math.floor(place), low = place - above;
    const [one, two] = [above, above + 1].map((at) => inside(at, size.height) * size.width);
    for (let x = 0; x < width; x++) {
      const left = Math.floor(x / across), right = Math.min(left + 1, size.width - 1), far = x / across - left;
      full[y * width + x] = (1 - low) * ((1 - far) * numbers[one + left] + far * numbers[one + right])
        + low * ((1 - far) * numbers[two + left] + far * numbers[two + right]);
    }
  }
  return full;
}
