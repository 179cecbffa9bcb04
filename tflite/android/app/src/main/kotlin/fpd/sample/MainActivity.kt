package fpd.sample

import android.Manifest
import android.graphics.Color
import android.os.Bundle
import android.view.Gravity
import android.view.ViewGroup.LayoutParams
import android.widget.Button
import android.widget.FrameLayout
import android.widget.TextView
import androidx.activity.ComponentActivity
import androidx.activity.result.contract.ActivityResultContracts
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.ImageProxy
import androidx.camera.core.Preview
import androidx.camera.core.resolutionselector.AspectRatioStrategy
import androidx.camera.core.resolutionselector.ResolutionSelector
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.camera.view.PreviewView
import androidx.core.content.ContextCompat
import fpd.pose.Frame
import fpd.pose.PoseEstimator
import java.util.concurrent.Executors

/** The camera's picture, the skeleton over it, and what each frame took. */
class MainActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor()
    private lateinit var preview: PreviewView
    private lateinit var skeleton: SkeletonView
    private lateinit var status: TextView
    private var front = false

    /** Made, used and closed on the worker. */
    private var estimator: PoseEstimator? = null

    private val permission =
        registerForActivityResult(ActivityResultContracts.RequestPermission()) { allowed ->
            if (allowed) openCamera() else status.setText(R.string.no_camera)
        }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        preview = PreviewView(this).apply { scaleType = PreviewView.ScaleType.FIT_CENTER }
        skeleton = SkeletonView(this)
        status = TextView(this).apply {
            setTextColor(Color.WHITE)
            setPadding(32, 32, 32, 32)
        }
        val turn = Button(this).apply {
            setText(R.string.turn)
            setOnClickListener {
                front = !front
                openCamera()
            }
        }
        val root = FrameLayout(this).apply {
            setBackgroundColor(Color.BLACK)
            fitsSystemWindows = true
            addView(preview, full())
            addView(skeleton, full())
            addView(status, corner(Gravity.BOTTOM or Gravity.START))
            addView(turn, corner(Gravity.BOTTOM or Gravity.END))
        }
        setContentView(root)
        worker.execute {
            try {
                estimator = PoseEstimator(this)
            } catch (error: Exception) {
                runOnUiThread { status.text = error.message }
            }
        }
        permission.launch(Manifest.permission.CAMERA)
    }

    override fun onDestroy() {
        worker.execute { estimator?.close() }
        worker.shutdown()
        super.onDestroy()
    }

    private fun full() =
        FrameLayout.LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.MATCH_PARENT)

    private fun corner(gravity: Int) =
        FrameLayout.LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, gravity)

    private fun openCamera() {
        val future = ProcessCameraProvider.getInstance(this)
        future.addListener({ bind(future.get()) }, ContextCompat.getMainExecutor(this))
    }

    /** Preview and analysis get the same aspect ratio, so that the skeleton fits. */
    private fun bind(provider: ProcessCameraProvider) {
        val shape =
            ResolutionSelector.Builder()
                .setAspectRatioStrategy(AspectRatioStrategy.RATIO_4_3_FALLBACK_AUTO_STRATEGY)
                .build()
        val shown = Preview.Builder().setResolutionSelector(shape).build()
        shown.surfaceProvider = preview.surfaceProvider
        val analysis =
            ImageAnalysis.Builder()
                .setResolutionSelector(shape)
                .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
                .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
                .build()
        val mirrored = front
        analysis.setAnalyzer(worker) { image -> image.use { analyse(it, mirrored) } }
        val camera =
            if (front) CameraSelector.DEFAULT_FRONT_CAMERA else CameraSelector.DEFAULT_BACK_CAMERA
        worker.execute { estimator?.forget() }
        provider.unbindAll()
        try {
            provider.bindToLifecycle(this, camera, shown, analysis)
        } catch (error: IllegalArgumentException) {
            status.text = error.message
        }
    }

    /** On the worker. Analysed frames are never mirrored; a front camera's preview is. */
    private fun analyse(image: ImageProxy, mirrored: Boolean) {
        val estimator = estimator ?: return
        val bitmap = image.toBitmap()
        val pixels = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        val rotation = image.imageInfo.rotationDegrees
        val frame = Frame(pixels, bitmap.width, bitmap.height, rotation)
        val started = System.nanoTime()
        val pose = estimator.next(frame, image.imageInfo.timestamp / 1e9)
        val milliseconds = (System.nanoTime() - started) / 1_000_000
        val contract = estimator.contract
        val seen = pose.scores.count { it >= contract.threshold }
        val (width, height) =
            if (rotation % 180 == 0) frame.width to frame.height else frame.height to frame.width
        runOnUiThread {
            skeleton.show(pose, contract, width, height, mirrored)
            status.text =
                getString(
                    R.string.figures, seen, contract.joints.size, milliseconds,
                    estimator.accelerator.name,
                )
        }
    }
}
