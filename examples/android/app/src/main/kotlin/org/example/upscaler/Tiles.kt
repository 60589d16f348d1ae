package org.example.upscaler

/** A tile along one axis: it begins at [start], and [keepStart] until [keepStop] of it is kept. */
data class Window(val start: Int, val keepStart: Int, val keepStop: Int)

/**
 * The tiles of one axis, which overlap: each has [overlap] pixels of context on both sides, which are cut off.
 *
 * @param size pixels of the image, at least 1
 * @param tile pixels of a tile
 * @param alignment tiles begin at multiples of it: `alignment` of the model's card
 */
fun windows(size: Int, tile: Int, overlap: Int, alignment: Int = 1): List<Window> {
    require(overlap >= 0 && 2 * overlap + alignment <= tile) { "overlap must be less than half of tile" }
    if (size <= tile) return listOf(Window(0, 0, size))
    val last = (size - tile + alignment - 1) / alignment * alignment  // the rest of this tile is mirrored
    val found = mutableListOf<Window>()
    var kept = 0
    while (kept < size) {
        val start = minOf(maxOf(kept - overlap, 0) / alignment * alignment, last)
        val keepStop = if (start == last) size else start + tile - overlap
        found += Window(start, kept, keepStop)
        kept = keepStop
    }
    return found
}

/** Where a pixel beyond the end of an axis of [size] pixels is taken from: the image is mirrored there. */
fun mirrored(at: Int, size: Int): Int {
    val turn = at % (2 * size)
    return if (turn < size) turn else 2 * size - 1 - turn
}
