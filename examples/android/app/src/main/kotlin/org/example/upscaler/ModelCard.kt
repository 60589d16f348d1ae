package org.example.upscaler

import org.json.JSONObject

/**
 * What the .json file beside a .tflite says of it; `python -m srgan_tf.export` writes both.
 *
 * @property tile side of the input in pixels
 * @property scale how many times the output is as large
 * @property integers whether pixels are uint8; otherwise float32, white being [peak]
 * @property overlap context of a tile: the model's receptive radius, where it is not more than an eighth of the tile
 */
class ModelCard(text: String) {
    private val card = JSONObject(text)
    private val input = card.getJSONObject("input")

    val tile: Int = input.getJSONArray("shape").getInt(1)
    val scale: Int = card.getInt("scale")
    val alignment: Int = card.getInt("alignment")
    val integers: Boolean = input.getString("dtype") == "uint8"
    val peak: Float = input.getJSONArray("range").getDouble(1).toFloat()
    val overlap: Int = minOf(card.getInt("receptive_radius"), tile / 8)

    init {
        val width = input.getJSONArray("shape").getInt(2)
        require(width == tile) { "the model takes $tile x $width; export it with a square --tile" }
    }
}
