package fpd.sample

import android.Manifest
import android.graphics.Color
import android.hardware.display.DisplayManager
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
import fpd.pose.PixelBuffer
import fpd.pose.PoseEstimator
import java.util.concurrent.Executors

/** The camera's picture, the skeleton over it, and what each frame took. */
class MainActivity : ComponentActivity() {
    private val worker = Executors.newSingleThreadExecutor()
    private lateinit var preview: PreviewView
    private lateinit var skeleton: SkeletonView
    private lateinit var status: TextView
    private var front = false
    private var shown: Preview? = null
    private var analysis: ImageAnalysis? = null

    /** Made, used and closed on the worker. */
    private var estimator: PoseEstimator? = null
    private val buffer = PixelBuffer()

    private val permission =
        registerForActivityResult(ActivityResultContracts.RequestPermission()) { allowed ->
            if (allowed) openCamera() else status.setText(R.string.no_camera)
        }

    /** The activity is not made anew when the phone turns, so the camera has to be told. */
    private val turning =
        object : DisplayManager.DisplayListener {
            override fun onDisplayAdded(display: Int) {}

            override fun onDisplayRemoved(display: Int) {}

            override fun onDisplayChanged(display: Int) = followDisplay()
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
        getSystemService(DisplayManager::class.java).registerDisplayListener(turning, null)
        worker.execute { saying { estimator = PoseEstimator(this) } }
        permission.launch(Manifest.permission.CAMERA)
    }

    override fun onDestroy() {
        getSystemService(DisplayManager::class.java).unregisterDisplayListener(turning)
        analysis?.clearAnalyzer()
        worker.execute { estimator?.close() }
        worker.shutdown()
        super.onDestroy()
    }

    private fun full() =
        FrameLayout.LayoutParams(LayoutParams.MATCH_PARENT, LayoutParams.MATCH_PARENT)

    private fun corner(gravity: Int) =
        FrameLayout.LayoutParams(LayoutParams.WRAP_CONTENT, LayoutParams.WRAP_CONTENT, gravity)

    /** Shows what goes wrong instead of ending the app. */
    private fun saying(action: () -> Unit) {
        try {
            action()
        } catch (error: Exception) {
            runOnUiThread { status.text = error.message ?: error.toString() }
        }
    }

    private fun openCamera() {
        val future = ProcessCameraProvider.getInstance(this)
        future.addListener({ saying { bind(future.get()) } }, ContextCompat.getMainExecutor(this))
    }

    /** Preview and analysis get the same aspect ratio, so that the skeleton fits. */
    private fun bind(provider: ProcessCameraProvider) {
        val shape =
            ResolutionSelector.Builder()
                .setAspectRatioStrategy(AspectRatioStrategy.RATIO_4_3_FALLBACK_AUTO_STRATEGY)
                .build()
        val shown = Preview.Builder().setResolutionSelector(shape).build()
        shown.setSurfaceProvider(preview.surfaceProvider)
        val analysis =
            ImageAnalysis.Builder()
                .setResolutionSelector(shape)
                .setOutputImageFormat(ImageAnalysis.OUTPUT_IMAGE_FORMAT_RGBA_8888)
                .setBackpressureStrategy(ImageAnalysis.STRATEGY_KEEP_ONLY_LATEST)
                .build()
        val mirrored = front
        analysis.setAnalyzer(worker) { image -> saying { image.use { analyse(it, mirrored) } } }
        this.shown = shown
        this.analysis = analysis
        followDisplay()
        val camera =
            if (front) CameraSelector.DEFAULT_FRONT_CAMERA else CameraSelector.DEFAULT_BACK_CAMERA
        worker.execute { estimator?.forget() }
        provider.unbindAll()
        provider.bindToLifecycle(this, camera, shown, analysis)
    }

    /** Which way is up, for the preview and for `rotationDegrees` of analysed frames. */
    private fun followDisplay() {
        val rotation = preview.display?.rotation ?: return
        shown?.targetRotation = rotation
        analysis?.targetRotation = rotation
    }

    /** On the worker. Analysed frames are never mirrored; a front camera's preview is. */
    private fun analyse(image: ImageProxy, mirrored: Boolean) {
        val estimator = estimator ?: return
        val started = System.nanoTime()
        val plane = image.planes[0]
        val pixels = buffer.read(plane.buffer, image.width, image.height, plane.rowStride)
        val rotation = image.imageInfo.rotationDegrees
        val frame = Frame(pixels, image.width, image.height, rotation)
        val pose = estimator.next(frame, image.imageInfo.timestamp / 1e9)
        val milliseconds = (System.nanoTime() - started) / 1_000_000
        val contract = estimator.contract
        val seen = pose?.scores?.count { it >= contract.threshold } ?: 0
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
