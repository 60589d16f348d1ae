/* How an axis is divided into tiles: as srgan_tf/inference/tiling.py does, so that results are the same. */

/** Windows of `tile` pixels, or one of `size`, whose kept parts follow one another: {start, stop, keepStart, keepStop}. */
export function windows(size, tile, overlap, alignment = 1) {
  if (size <= tile) return [{ start: 0, stop: size, keepStart: 0, keepStop: size }];
  if (tile < 2 * overlap + alignment) throw new Error(`Tiles of ${tile} pixels leave nothing beside their context.`);
  const last = Math.ceil((size - tile) / alignment) * alignment, found = [];
  for (let kept = 0; kept < size; kept = found.at(-1).keepStop) {
    const start = Math.min(Math.floor(Math.max(kept - overlap, 0) / alignment) * alignment, last);
    const stop = Math.min(start + tile, size);
    found.push({ start, stop, keepStart: kept, keepStop: stop === size ? size : stop - overlap });
  }
  return found;
}

/** The smallest tile that divides an axis into no more windows than `tile` does. */
export function smallestTile(size, tile, overlap, alignment = 1) {
  const count = windows(size, tile, overlap, alignment).length, shared = 2 * overlap;
  if (count === 1) return tile;
  const step = Math.ceil((size + (count - 1) * shared) / count) - shared;
  return Math.min(Math.ceil(step / alignment) * alignment + shared, tile);
}
