package fpd.pose

import kotlin.math.PI
import kotlin.math.hypot

/** Joints over time: the one-euro filter (Casiez, Roussel and Vogel, CHI 2012). */
class OneEuro(private val rule: Contract.SmoothingRule, private val threshold: Double) {
    private class Known(val at: Point, val speed: Point)

    private var seconds = Double.NaN
    private var known = listOf<Known?>()

    /** Starts anew. */
    fun forget() {
        known = listOf()
    }

    /**
     * Smoothed joints. A joint that is not followed starts anew, and so does everything where
     * the time is not later than the last frame's.
     *
     * @param seconds time of the frame
     * @param side of the crop the joints were found in, pixels
     */
    fun smooth(
        joints: List<Point>,
        scores: FloatArray,
        seconds: Double,
        side: Double,
    ): List<Point> {
        val period = seconds - this.seconds
        val last = if (period > 0) known else listOf()
        this.seconds = seconds
        known = joints.mapIndexed { i, joint ->
            if (scores[i] < threshold) null else filtered(joint, last.getOrNull(i), period, side)
        }
        return joints.mapIndexed { i, joint -> known[i]?.at ?: joint }
    }

    private fun filtered(joint: Point, last: Known?, period: Double, side: Double): Known {
        if (last == null) return Known(joint, Point(0.0, 0.0))
        val newest = Point((joint.x - last.at.x) / period, (joint.y - last.at.y) / period)
        val speed = mix(newest, last.speed, weight(rule.derivativeCutoff, period))
        val cutoff = rule.minCutoff + rule.beta * hypot(speed.x, speed.y) / side
        return Known(mix(joint, last.at, weight(cutoff, period)), speed)
    }

    private fun mix(now: Point, before: Point, share: Double) =
        Point(share * now.x + (1 - share) * before.x, share * now.y + (1 - share) * before.y)

    /** Share of the new value in a low-pass filter, cut-off in Hz, period in s. */
    private fun weight(cutoff: Double, period: Double) = 1 / (1 + 1 / (2 * PI * cutoff * period))
}
