package fpd.sample

import android.content.Context
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.view.View
import fpd.pose.Contract
import fpd.pose.Pose
import kotlin.math.min

/** Draws a pose over a preview that fits the same frame into the same place. */
class SkeletonView(context: Context) : View(context) {
    private class Shown(
        val pose: Pose,
        val contract: Contract,
        val width: Int,
        val height: Int,
        val mirrored: Boolean,
    )

    private val paint = Paint(Paint.ANTI_ALIAS_FLAG).apply { strokeCap = Paint.Cap.ROUND }
    private var shown: Shown? = null

    /**
     * @param pose null clears the view
     * @param width of the upright frame
     * @param height of the upright frame
     * @param mirrored whether the preview shows a mirror image, as of a front camera
     */
    fun show(pose: Pose?, contract: Contract, width: Int, height: Int, mirrored: Boolean) {
        shown = pose?.let { Shown(it, contract, width, height, mirrored) }
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        shown?.let { draw(canvas, it) }
    }

    private fun draw(canvas: Canvas, shown: Shown) {
        val contract = shown.contract
        val pose = shown.pose
        val zoom = min(width.toFloat() / shown.width, height.toFloat() / shown.height)
        val left = (width - zoom * shown.width) / 2
        val top = (height - zoom * shown.height) / 2

        fun seen(joint: Int) = pose.scores[joint] >= contract.threshold

        fun x(joint: Int): Float {
            val x = pose.joints[joint].x.toFloat() + 0.5f
            return left + zoom * (if (shown.mirrored) shown.width - x else x)
        }

        fun y(joint: Int) = top + zoom * (pose.joints[joint].y.toFloat() + 0.5f)

        paint.strokeWidth = resources.displayMetrics.density * 5
        for ((start, end) in contract.limbs) {
            if (!seen(start) || !seen(end)) continue
            paint.color = color(contract.joints[start], contract.joints[end])
            canvas.drawLine(x(start), y(start), x(end), y(end), paint)
        }
        for (joint in contract.joints.indices.filter(::seen)) {
            paint.color = color(contract.joints[joint])
            canvas.drawCircle(x(joint), y(joint), paint.strokeWidth, paint)
        }
    }

    /** The person's right orange, left blue, middle white. */
    private fun color(vararg joints: String): Int {
        val right = joints.any { it.startsWith("right_") }
        val left = joints.any { it.startsWith("left_") }
        return when {
            right == left -> Color.rgb(240, 236, 228)
            right -> Color.rgb(255, 122, 60)
            else -> Color.rgb(40, 168, 255)
        }
    }
}
