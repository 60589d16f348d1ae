package org.example.upscaler

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.net.Uri
import android.os.Bundle
import android.util.Log
import android.view.View
import android.widget.Button
import android.widget.ImageView
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.TextView
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.LiteRtException
import java.io.IOException
import java.util.concurrent.CancellationException
import java.util.concurrent.Executors
import java.util.concurrent.Future

/** Chooses an image, upscales it with progress and cancel, shows it and saves it. No permission is needed. */
class MainActivity : Activity() {
    private val worker = Executors.newSingleThreadExecutor()  // the Upscaler lives on it
    private var upscaler: Upscaler? = null
    private var work: Future<*>? = null
    private var result: Bitmap? = null

    @Volatile private var cancelled = false

    private lateinit var choose: Button
    private lateinit var cancel: Button
    private lateinit var save: Button
    private lateinit var bar: ProgressBar
    private lateinit var message: TextView
    private lateinit var view: ImageView

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        choose = button(R.string.choose) { ask(Intent.ACTION_OPEN_DOCUMENT, CHOOSE, "image/*") }
        cancel = button(R.string.cancel) { cancelled = true }
        save = button(R.string.save) { ask(Intent.ACTION_CREATE_DOCUMENT, SAVE, "image/png") }
        bar = ProgressBar(this, null, android.R.attr.progressBarStyleHorizontal).apply { max = STEPS }
        message = TextView(this)
        view = ImageView(this).apply { adjustViewBounds = true }
        val list = LinearLayout(this).apply { orientation = LinearLayout.VERTICAL }
        for (one in listOf(choose, bar, cancel, message, save, view)) list.addView(one)
        list.fitsSystemWindows = true
        setContentView(list)
        show(working = false)
    }

    override fun onDestroy() {
        cancelled = true
        worker.execute { upscaler?.close() }
        worker.shutdown()
        super.onDestroy()
    }

    @Deprecated("Activity results without AndroidX, so that this example needs LiteRT alone")
    override fun onActivityResult(request: Int, status: Int, data: Intent?) {
        val uri = data?.data ?: return
        if (status == RESULT_OK) if (request == CHOOSE) start(uri) else store(uri)
    }

    private fun button(text: Int, action: () -> Unit) = Button(this).apply {
        setText(text)
        setOnClickListener { action() }
    }

    private fun ask(action: String, request: Int, type: String) {
        val intent = Intent(action).addCategory(Intent.CATEGORY_OPENABLE).setType(type)
        @Suppress("DEPRECATION")
        startActivityForResult(intent.putExtra(Intent.EXTRA_TITLE, "upscaled.png"), request)
    }

    private fun start(uri: Uri) {
        result = null
        cancelled = false
        show(working = true)
        work = worker.submit {
            val made = try {
                Made(upscale(uri))
            } catch (_: CancellationException) {
                Made(text = getString(R.string.cancelled))
            } catch (_: OutOfMemoryError) {
                Made(text = getString(R.string.no_memory))
            } catch (error: IOException) {
                Log.w(TAG, error)
                Made(text = getString(R.string.unreadable))
            }
            runOnUiThread { finish(made) }
        }
    }

    private class Made(val image: Bitmap? = null, val text: String = "")

    private fun upscale(uri: Uri): Bitmap {
        val image = contentResolver.openInputStream(uri).use { BitmapFactory.decodeStream(it) }
            ?: throw IOException("$uri is no image")
        val opened = upscaler ?: open().also { upscaler = it }
        return opened.upscale(image, { share -> runOnUiThread { bar.progress = (share * STEPS).toInt() } }) { cancelled }
    }

    /** The float16 model on the GPU where there is one that takes it, else the int8 model on the CPU. */
    private fun open(): Upscaler = try {
        Upscaler(this, "mobile_x4_float16", Accelerator.GPU)
    } catch (error: LiteRtException) {
        Log.i(TAG, "no GPU for this model: ${error.message}")
        Upscaler(this, "mobile_x4_int8")
    }

    private fun finish(made: Made) {
        if (isDestroyed) return
        result = made.image
        message.text = made.image?.let { "${it.width} × ${it.height}" } ?: made.text
        view.setImageBitmap(made.image?.let(::reduced))
        show(working = false)
    }

    /** What a view can draw: bitmaps of more than 100 MB are refused. */
    private fun reduced(image: Bitmap): Bitmap {
        val share = minOf(1f, SHOWN / maxOf(image.width, image.height).toFloat())
        return Bitmap.createScaledBitmap(
            image, maxOf(1, (image.width * share).toInt()), maxOf(1, (image.height * share).toInt()), true
        )
    }

    private fun store(uri: Uri) {
        val image = result ?: return
        worker.execute {
            val text = try {
                contentResolver.openOutputStream(uri).use { image.compress(Bitmap.CompressFormat.PNG, 100, it!!) }
                getString(R.string.saved)
            } catch (error: IOException) {
                error.toString()
            }
            runOnUiThread { message.text = text }
        }
    }

    private fun show(working: Boolean) {
        bar.progress = 0
        choose.isEnabled = !working
        for (one in listOf(bar, cancel)) one.visibility = if (working) View.VISIBLE else View.GONE
        save.visibility = if (result != null) View.VISIBLE else View.GONE
    }

    private companion object {
        const val TAG = "upscaler"
        const val CHOOSE = 1
        const val SAVE = 2
        const val STEPS = 1000
        const val SHOWN = 2048
    }
}
