package fpd.pose

import kotlin.math.ln
import kotlin.math.max

/** The joints of one person, in the order of the contract. */
class Pose(val joints: List<Point>, val scores: FloatArray)

/**
 * Finds each joint: the largest cell, moved by a parabola through the logarithms.
 *
 * @param heatmaps height x width x K
 * @return joints in pixels of the crop
 */
fun decode(
    heatmaps: FloatArray,
    shape: Contract.Heatmaps,
    rule: Contract.DecodeRule,
): Pose {
    val count = heatmaps.size / (shape.height * shape.width)
    val peaks = IntArray(count) { largest(heatmaps, it, count) }
    val joints =
        peaks.mapIndexed { joint, peak ->
            val x = peak % shape.width
            val y = peak / shape.width

            fun move(step: Int, position: Int, last: Int): Double {
                if (position == 0 || position == last) return 0.0
                val before = log(heatmaps[(peak - step) * count + joint], rule)
                val after = log(heatmaps[(peak + step) * count + joint], rule)
                val bend = before - 2 * log(heatmaps[peak * count + joint], rule) + after
                if (bend >= 0) return 0.0
                return ((before - after) / (2 * bend)).coerceIn(-rule.maxMove, rule.maxMove)
            }

            fun pixel(cell: Double) = shape.stride * cell + (shape.stride - 1) / 2.0
            Point(
                pixel(x + move(1, x, shape.width - 1)),
                pixel(y + move(shape.width, y, shape.height - 1)),
            )
        }
    return Pose(joints, FloatArray(count) { heatmaps[peaks[it] * count + it] })
}

/** The first of the largest cells. */
private fun largest(heatmaps: FloatArray, joint: Int, count: Int): Int {
    var best = 0
    for (cell in 1 until heatmaps.size / count) {
        if (heatmaps[cell * count + joint] > heatmaps[best * count + joint]) best = cell
    }
    return best
}

private fun log(value: Float, rule: Contract.DecodeRule) = ln(max(value.toDouble(), rule.logFloor))
