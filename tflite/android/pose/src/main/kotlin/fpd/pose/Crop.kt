package fpd.pose

import kotlin.math.floor
import kotlin.math.max
import kotlin.math.round

/** Pixel centres lie at whole numbers. */
data class Point(val x: Double, val y: Double)

/** A square of the upright frame. */
data class Region(val x: Double, val y: Double, val side: Double) {
    /** The map from the upright frame to a crop of [size] x [size]. */
    fun matrix(size: Int): Matrix {
        val zoom = size / side
        val middle = (size - 1) / 2.0
        return Matrix(zoom, 0.0, middle - zoom * x, 0.0, zoom, middle - zoom * y)
    }

    companion object {
        /** The square around a whole frame; what lies outside is black. */
        fun whole(width: Int, height: Int) =
            Region((width - 1) / 2.0, (height - 1) / 2.0, max(width, height).toDouble())
    }
}

/** x' = a x + b y + c, y' = d x + e y + f. */
data class Matrix(
    val a: Double,
    val b: Double,
    val c: Double,
    val d: Double,
    val e: Double,
    val f: Double,
) {
    operator fun times(point: Point) =
        Point(a * point.x + b * point.y + c, d * point.x + e * point.y + f)

    /** First [inner], then this. */
    operator fun times(inner: Matrix) =
        Matrix(
            a * inner.a + b * inner.d,
            a * inner.b + b * inner.e,
            a * inner.c + b * inner.f + c,
            d * inner.a + e * inner.d,
            d * inner.b + e * inner.e,
            d * inner.c + e * inner.f + f,
        )

    fun inverse(): Matrix {
        val scale = 1 / (a * e - b * d)
        val (g, h) = e * scale to -b * scale
        val (i, j) = -d * scale to a * scale
        return Matrix(g, h, -g * c - h * f, i, j, -i * c - j * f)
    }
}

/** How a stored frame lies in the upright one, and that one's size. */
class Upright(val matrix: Matrix, val width: Int, val height: Int) {
    companion object {
        /**
         * @param width of the stored frame
         * @param height of the stored frame
         * @param rotation degrees clockwise that turn it upright
         * @param mirrored whether it shows a mirror image, undone after turning
         */
        fun of(width: Int, height: Int, rotation: Int, mirrored: Boolean): Upright {
            val right = width - 1.0
            val bottom = height - 1.0
            val turn =
                when (rotation) {
                    0 -> Matrix(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
                    90 -> Matrix(0.0, -1.0, bottom, 1.0, 0.0, 0.0)
                    180 -> Matrix(-1.0, 0.0, right, 0.0, -1.0, bottom)
                    270 -> Matrix(0.0, 1.0, 0.0, -1.0, 0.0, right)
                    else -> throw IllegalArgumentException(
                        "rotation: expected 0, 90, 180 or 270. Received: $rotation",
                    )
                }
            val (columns, rows) = if (rotation % 180 == 0) width to height else height to width
            val flip = Matrix(-1.0, 0.0, columns - 1.0, 0.0, 1.0, 0.0)
            return Upright(if (mirrored) flip * turn else turn, columns, rows)
        }
    }
}

/** A stored frame, its pixels 0xAARRGGBB row by row, as Bitmap.getPixels gives them. */
class Frame(
    val pixels: IntArray,
    val width: Int,
    val height: Int,
    val rotation: Int = 0,
    val mirrored: Boolean = false,
)

/**
 * Resamples a frame: bilinear, black outside, whole levels spread over the input's range.
 *
 * In single precision, each operation rounded as in OpenCV 5, which samples for Python: the
 * levels are equal.
 *
 * @param matrix from the stored frame to the crop
 * @return size x size x 3, RGB
 */
fun crop(frame: Frame, matrix: Matrix, image: Contract.Image): FloatArray {
    val back = matrix.inverse()
    val step = (image.high - image.low) / 255
    val crop = FloatArray(image.size * image.size * 3)
    var at = 0
    for (row in 0 until image.size) {
        val fromX = back.b.toFloat() * row + back.c.toFloat()
        val fromY = back.e.toFloat() * row + back.f.toFloat()
        for (column in 0 until image.size) {
            val x = fused(back.a.toFloat(), column.toFloat(), fromX)
            val y = fused(back.d.toFloat(), column.toFloat(), fromY)
            val left = floor(x).toInt()
            val top = floor(y).toInt()
            val first = frame.at(left, top)
            val second = frame.at(left + 1, top)
            val third = frame.at(left, top + 1)
            val fourth = frame.at(left + 1, top + 1)
            for (shift in 16 downTo 0 step 8) {
                val upper = mix(level(first, shift), level(second, shift), x - left)
                val lower = mix(level(third, shift), level(fourth, shift), x - left)
                crop[at++] = (image.low + step * round(mix(upper, lower, y - top))).toFloat()
            }
        }
    }
    return crop
}

/** A multiplication and an addition that round once; Android has Math.fma from API 33 only. */
private fun fused(one: Float, other: Float, more: Float) =
    (one.toDouble() * other + more).toFloat()

private fun Frame.at(x: Int, y: Int) =
    if (x < 0 || y < 0 || x >= width || y >= height) 0 else pixels[y * width + x]

private fun level(pixel: Int, shift: Int) = (pixel shr shift and 255).toFloat()

private fun mix(first: Float, second: Float, share: Float) = fused(share, second - first, first)

/**
 * Where to look in the next frame: around the joints that are followed, or at all of it.
 *
 * @param joints in the upright frame
 * @param width of the upright frame
 * @param height of the upright frame
 */
fun nextRegion(
    joints: List<Point>,
    scores: FloatArray,
    width: Int,
    height: Int,
    rule: Contract.CropRule,
): Region {
    val whole = Region.whole(width, height)
    val hips = rule.hips.filter { scores[it] >= rule.threshold }
    val shoulders = rule.shoulders.filter { scores[it] >= rule.threshold }
    if (hips.isEmpty() || shoulders.isEmpty()) return whole
    val torso = box((hips + shoulders).map { joints[it] })
    val body = box(joints.filterIndexed { joint, _ -> scores[joint] >= rule.threshold })
    val side = max(rule.bodyMargin * body.side, rule.torsoMargin * torso.side)
    return if (side in rule.smallest..whole.side) body.copy(side = side) else whole
}

/** The middle and longer side of the box around points. */
private fun box(points: List<Point>): Region {
    val left = points.minOf { it.x }
    val right = points.maxOf { it.x }
    val top = points.minOf { it.y }
    val bottom = points.maxOf { it.y }
    return Region((left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top))
}
