package fpd.pose

import kotlin.math.ceil
import kotlin.math.max

/**
 * Where to look for a person: for each of the contract's sides, shares of the frame's longer
 * side, squares that stand evenly from edge to edge, half a side apart or less, row by row.
 * A network without hips or shoulders looks at the whole frame: nobody can be followed.
 *
 * @param width of the upright frame
 * @param height of the upright frame
 */
fun squares(width: Int, height: Int, contract: Contract): List<Region> {
    val rule = contract.crop
    if (rule.hips.isEmpty() || rule.shoulders.isEmpty()) return listOf(Region.whole(width, height))
    return contract.sides.map { it * max(width, height) }.flatMap { side ->
        centres(height, side).flatMap { y -> centres(width, side).map { x -> Region(x, y, side) } }
    }
}

private fun centres(length: Int, side: Double): List<Double> {
    val first = (side - 1) / 2
    val last = length - (side + 1) / 2
    if (last <= first) return listOf((length - 1) / 2.0)
    val steps = ceil((last - first) / (side / 2)).toInt()
    return List(steps + 1) { first + it * (last - first) / steps }
}
