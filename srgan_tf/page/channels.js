/* One tile through a model that knows RGB alone, with or without alpha, grey or not: as srgan_tf/inference/channels.py. */

export const REACH = 4; // LR pixels around a pixel whose alpha decides how its colour is kept in range

/**
 * Upscales a tile.
 *
 * @param run Float32Array [H,W,3] -> Float32Array [sH,sW,3]
 * @param pixels RGBA bytes, alpha not multiplied in
 * @param kind {grey, alpha} of the whole image
 * @returns Float32Array [sH,sW,C], C of 1 (grey), 2, 3 or 4; colour neither rounded nor clipped
 */
export async function upscaleTile(run, pixels, width, height, scale, kind) {
  const count = width * height, colours = kind.grey ? 1 : 3;
  const size = { width, height, scale };
  const image = new Float32Array(3 * count), alpha = kind.alpha ? new Float32Array(count) : null;
  let seen = !alpha, opaque = true;
  for (let at = 0; at < count; at++) {
    const share = alpha ? (alpha[at] = pixels[4 * at + 3] / 255) : 1;
    seen ||= share > 0;
    opaque &&= share === 1;
    for (let one = 0; one < 3; one++) image[3 * at + one] = pixels[4 * at + one] / 255 * share;
  }
  if (!seen) return new Float32Array(count * scale * scale * (colours + 1));
  const colour = await coloured(run, image, colours);
  if (!alpha) return colour;
  if (opaque) return joined(colour, colours, new Float32Array(count * scale * scale).fill(1), null);
  const shares = await coloured(run, Float32Array.from({ length: 3 * count }, (_, at) => alpha[Math.floor(at / 3)]), 1);
  settle(shares, alpha, size);
  return joined(colour, colours, shares, limits(pixels, alpha, colours, size));
}

/** Whether none of these numbers is infinite or not a number. */
export function finite(numbers) {
  let sum = 0;
  for (let at = 0; at < numbers.length; at++) sum += numbers[at];
  return Number.isFinite(sum);
}

/** [sH,sW,C] of [H,W,3]: for grey, C is 1, the average of what the model makes of three equal channels. */
async function coloured(run, image, colours) {
  const made = await run(image);
  if (!finite(made)) throw new Error("The model made values that are not numbers: its weights are damaged.");
  if (colours === 3) return made;
  const grey = new Float32Array(made.length / 3);
  for (let at = 0; at < grey.length; at++) grey[at] = (made[3 * at] + made[3 * at + 1] + made[3 * at + 2]) / 3;
  return grey;
}

/** Divides colour by alpha, within limits, and joins both; colour that cannot be seen becomes 0. */
function joined(colour, colours, alpha, limit) {
  const image = new Float32Array(alpha.length * (colours + 1));
  for (let at = 0; at < alpha.length; at++) {
    for (let one = 0; one < colours; one++) {
      let value = alpha[at] > 0 ? colour[colours * at + one] / alpha[at] : 0;
      if (limit && alpha[at] > 0) value = limit(value, at, one);
      image[(colours + 1) * at + one] = value;
    }
    image[(colours + 1) * at + colours] = alpha[at];
  }
  return image;
}

/** Alpha in 0..1, and exactly 0 or 1 where LR and its eight neighbours are: networks are off by a level or two. */
function settle(upscaled, alpha, size) {
  const most = neighbourhood(alpha, size, 1, Math.max), least = neighbourhood(alpha, size, 1, Math.min);
  for (let at = 0; at < upscaled.length; at++) {
    const from = source(at, size);
    upscaled[at] = most[from] === 0 ? 0 : least[from] === 1 ? 1 : Math.min(1, Math.max(0, upscaled[at]));
  }
}

/** Keeps colour near transparency within the range of what is visible in 5x5 LR pixels. */
function limits(pixels, alpha, colours, size) {
  const opaque = neighbourhood(alpha, size, REACH, Math.min), lowest = [], highest = [];
  for (let one = 0; one < colours; one++) {
    const of = (hidden) => Float32Array.from(alpha, (share, at) => share ? pixels[4 * at + one] / 255 : hidden);
    lowest.push(neighbourhood(of(Infinity), size, 2, Math.min));
    highest.push(neighbourhood(of(-Infinity), size, 2, Math.max));
  }
  return (value, at, one) => {
    const from = source(at, size);
    if (opaque[from] === 1) return value;
    if (lowest[one][from] > highest[one][from]) return 0; // nothing near is visible
    return Math.min(highest[one][from], Math.max(lowest[one][from], value));
  };
}

/** The LR pixel under a pixel of the result. */
function source(at, { width, scale }) {
  const wide = width * scale;
  return Math.floor(Math.floor(at / wide) / scale) * width + Math.floor(at % wide / scale);
}

/** The least or greatest of (2 radius + 1)^2 pixels around each. */
function neighbourhood(image, { width, height }, radius, extreme) {
  const across = new Float32Array(image.length), both = new Float32Array(image.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let found = image[y * width + x];
      for (let near = Math.max(0, x - radius); near <= Math.min(width - 1, x + radius); near++) {
        found = extreme(found, image[y * width + near]);
      }
      across[y * width + x] = found;
    }
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let found = across[y * width + x];
      for (let near = Math.max(0, y - radius); near <= Math.min(height - 1, y + radius); near++) {
        found = extreme(found, across[near * width + x]);
      }
      both[y * width + x] = found;
    }
  }
  return both;
}
