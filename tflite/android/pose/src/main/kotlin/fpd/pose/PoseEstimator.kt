package fpd.pose

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.LiteRtException

/**
 * Frames in, joints of one person out, on LiteRT. Use it from one thread.
 *
 * A float16 file runs on the GPU where the phone has one that takes it, any other file on
 * the CPU with XNNPACK; [accelerator] says which it became.
 *
 * Throws IllegalArgumentException where pose.json and the model do not belong together,
 * and LiteRtException where LiteRT does not load the model.
 */
class PoseEstimator(context: Context, threads: Int = 4) : AutoCloseable {
    val contract: Contract =
        Contract.read(context.assets.open("pose.json").bufferedReader().use { it.readText() })
    val accelerator: Accelerator
    private val model: CompiledModel
    private var track = Track(contract)

    init {
        val file = contract.model.file
        contract.checkModel(context.assets.open(file).use { it.readBytes() })
        val onGpu = if (contract.model.weights == "float16") onGpu(context, file) else null
        accelerator = if (onGpu == null) Accelerator.CPU else Accelerator.GPU
        model = onGpu ?: onCpu(context, file, threads)
    }

    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()

    /**
     * The next frame of a film or a camera.
     *
     * @param seconds its time; where that is not later than the last frame's, smoothing
     *   starts anew
     * @return joints in pixels of the frame turned upright, not mirrored; null where nobody
     *   was found
     */
    fun next(frame: Frame, seconds: Double): Pose? {
        val view = track.view(frame.width, frame.height, frame.rotation, frame.mirrored)
        inputs[0].writeFloat(crop(frame, view.matrix, contract.image))
        model.run(inputs, outputs)
        return track.update(outputs[0].readFloat(), view, seconds)
    }

    /** Forgets the person, for instance when the camera changes. */
    fun forget() {
        track = Track(contract)
    }

    private fun onGpu(context: Context, file: String) =
        try {
            CompiledModel.create(context.assets, file, CompiledModel.Options(Accelerator.GPU))
        } catch (_: LiteRtException) {
            null
        }

    private fun onCpu(context: Context, file: String, threads: Int): CompiledModel {
        val options = CompiledModel.Options(Accelerator.CPU)
        options.cpuOptions = CompiledModel.CpuOptions(numThreads = threads)
        return CompiledModel.create(context.assets, file, options)
    }

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }
}
