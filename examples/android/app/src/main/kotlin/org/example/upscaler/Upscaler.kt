package org.example.upscaler

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Color
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import java.util.concurrent.CancellationException

/**
 * Upscales images in overlapping tiles. Not thread-safe: use it from one background thread, and close it.
 *
 * @param name of the model in the assets: NAME.tflite and its card NAME.json
 * @throws com.google.ai.edge.litert.LiteRtException the model cannot be run with this accelerator
 */
class Upscaler(context: Context, name: String, accelerator: Accelerator = Accelerator.CPU) : AutoCloseable {
    val card = ModelCard(context.assets.open("$name.json").bufferedReader().use { it.readText() })

    private val model =
        CompiledModel.create(context.assets, "$name.tflite", CompiledModel.Options(accelerator))
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()
    private val pixels = IntArray(card.tile * card.tile)
    private val upscaled = IntArray(pixels.size * card.scale * card.scale)

    /**
     * The image, [ModelCard.scale] times as large, in memory: 4 bytes a pixel. Transparency is not kept.
     *
     * @param image not of Bitmap.Config.HARDWARE
     * @param progress is called after each tile with the share that is done, 0 to 1
     * @param isCancelled is asked before each tile
     * @throws CancellationException it was cancelled
     * @throws OutOfMemoryError the result does not fit
     */
    fun upscale(image: Bitmap, progress: (Float) -> Unit = {}, isCancelled: () -> Boolean = { false }): Bitmap {
        val rows = windows(image.height, card.tile, card.overlap, card.alignment)
        val columns = windows(image.width, card.tile, card.overlap, card.alignment)
        val scale = card.scale
        val large = Bitmap.createBitmap(image.width * scale, image.height * scale, Bitmap.Config.ARGB_8888)
        var done = 0
        for (row in rows) {
            for (column in columns) {
                if (isCancelled()) {
                    large.recycle()
                    throw CancellationException()
                }
                read(image, column.start, row.start)
                run()
                val first = ((row.keepStart - row.start) * card.tile * scale + column.keepStart - column.start) * scale
                large.setPixels(
                    upscaled, first, card.tile * scale, column.keepStart * scale, row.keepStart * scale,
                    (column.keepStop - column.keepStart) * scale, (row.keepStop - row.keepStart) * scale
                )
                progress(++done / (rows.size * columns.size).toFloat())
            }
        }
        return large
    }

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }

    /** Fills [pixels] from a place of the image; beyond its right and bottom edges it is mirrored. */
    private fun read(image: Bitmap, left: Int, top: Int) {
        val tile = card.tile
        val width = minOf(tile, image.width - left)
        val height = minOf(tile, image.height - top)
        image.getPixels(pixels, 0, tile, left, top, width, height)
        for (y in 0 until tile) {
            val from = mirroredWithin(y, height, top) * tile
            for (x in (if (y < height) width else 0) until tile) {
                pixels[y * tile + x] = pixels[from + mirroredWithin(x, width, left)]
            }
        }
    }

    /** Where a pixel of the tile is taken from: of a tile that begins inside the image, its own end is mirrored. */
    private fun mirroredWithin(at: Int, count: Int, start: Int) =
        if (at < count) at else mirrored(start + at, start + count) - start

    private fun run() {
        val shifts = intArrayOf(16, 8, 0)  // of R, G and B within an ARGB pixel
        if (card.integers) {
            inputs[0].writeInt8(ByteArray(3 * pixels.size) { (pixels[it / 3] shr shifts[it % 3]).toByte() })
        } else {
            val unit = card.peak / 255f
            inputs[0].writeFloat(FloatArray(3 * pixels.size) { (pixels[it / 3] shr shifts[it % 3] and 255) * unit })
        }
        model.run(inputs, outputs)
        if (card.integers) {
            val bytes = outputs[0].readInt8()  // a signed Byte holds a uint8 here
            fill { bytes[it].toInt() and 255 }
        } else {
            val floats = outputs[0].readFloat()  // which the network does not clip
            fill { (floats[it] * (255f / card.peak) + 0.5f).toInt().coerceIn(0, 255) }
        }
    }

    private inline fun fill(level: (Int) -> Int) {
        for (at in upscaled.indices) {
            upscaled[at] = Color.rgb(level(3 * at), level(3 * at + 1), level(3 * at + 2))
        }
    }
}
