package fpd.pose

import java.security.MessageDigest

/**
 * pose.json: what must agree between the model and this code. K joints.
 *
 * A joint that scores below [threshold] is not to be shown. Where the mean of all scores is
 * below [presence] nobody is there. [sides]: of the squares to search, see [squares].
 */
data class Contract(
    val model: ModelFile,
    val image: Image,
    val heatmaps: Heatmaps,
    val joints: List<String>,
    val limbs: List<Pair<Int, Int>>,
    val decode: DecodeRule,
    val threshold: Double,
    val presence: Double,
    val crop: CropRule,
    val sides: List<Double>,
    val smoothing: SmoothingRule,
) {
    data class ModelFile(val file: String, val sha256: String, val weights: String)

    /** Input [1, size, size, 3]: levels 0 to 255 are spread from [low] to [high]. */
    data class Image(val name: String, val size: Int, val low: Double, val high: Double)

    /** Output [1, height, width, K], [stride] crop pixels to a cell. */
    data class Heatmaps(val name: String, val height: Int, val width: Int, val stride: Int)

    data class DecodeRule(val logFloor: Double, val maxMove: Double)

    data class CropRule(
        val hips: List<Int>,
        val shoulders: List<Int>,
        val threshold: Double,
        val bodyMargin: Double,
        val torsoMargin: Double,
        val smallest: Double,
    )

    data class SmoothingRule(
        val minCutoff: Double,
        val beta: Double,
        val derivativeCutoff: Double,
    )

    /** Makes sure that a .tflite is the contract's. */
    fun checkModel(content: ByteArray) {
        val digest = MessageDigest.getInstance("SHA-256").digest(content)
        val received = digest.joinToString("") { "%02x".format(it) }
        require(received == model.sha256) {
            "${model.file} is not the file that pose.json describes. " +
                "Expected SHA-256 ${model.sha256}. Received: $received"
        }
    }

    companion object {
        const val VERSION = 1

        /** Of contracts that were written before these had a field. */
        private const val PRESENCE = 0.2
        private val SIDES = listOf(1.0, 0.75, 0.5)

        /**
         * Reads the text of pose.json.
         *
         * Throws IllegalArgumentException for a newer version, another tensor type than
         * float32, or rules that this code does not know.
         */
        fun read(text: String): Contract = of(Node("pose.json", parseJson(text)))

        internal fun of(content: Node): Contract {
            val version = content["version"].int
            require(version == VERSION) {
                "pose.json: expected version $VERSION. Received: $version"
            }
            val search = content.optional("search")
            search?.get("rule")?.mustBe("squares")
            content["decode"]["rule"].mustBe("argmax_log_parabola")
            content["crop"]["rule"].mustBe("box")
            content["smoothing"]["rule"].mustBe("one_euro")
            content["image"]["dtype"].mustBe("float32")
            content["heatmaps"]["dtype"].mustBe("float32")
            return Contract(
                model = content["model"].let {
                    ModelFile(it["file"].text, it["sha256"].text, it["weights"].text)
                },
                image = content["image"].let {
                    val (low, high) = it["range"].numbers
                    Image(it["name"].text, it["size"].int, low, high)
                },
                heatmaps = content["heatmaps"].let {
                    Heatmaps(
                        it["name"].text, it["height"].int, it["width"].int, it["stride"].int,
                    )
                },
                joints = content["joints"].items.map { it.text },
                limbs = content["limbs"].items.map { it.ints.let { (a, b) -> a to b } },
                decode = content["decode"].let {
                    DecodeRule(it["log_floor"].number, it["max_move"].number)
                },
                threshold = content["score"]["threshold"].number,
                presence = content["score"].optional("presence")?.number ?: PRESENCE,
                crop = content["crop"].let {
                    CropRule(
                        it["hips"].ints, it["shoulders"].ints, it["threshold"].number,
                        it["body_margin"].number, it["torso_margin"].number,
                        it["smallest"].number,
                    )
                },
                sides = search?.get("sides")?.numbers ?: SIDES,
                smoothing = content["smoothing"].let {
                    SmoothingRule(
                        it["min_cutoff"].number, it["beta"].number,
                        it["derivative_cutoff"].number,
                    )
                },
            )
        }
    }
}

/** A place in a JSON document, whose name stands in the message where it is wrong. */
internal class Node(private val path: String, private val value: Any?) {
    val text get() = value as? String ?: fail("a string")
    val number get() = value as? Double ?: fail("a number")
    val int get() = number.toInt().also { if (it.toDouble() != number) fail("a whole number") }
    val flag get() = value as? Boolean ?: fail("true or false")
    val items
        get() = (value as? List<*> ?: fail("a list")).mapIndexed { i, it -> Node("$path[$i]", it) }
    val numbers get() = items.map { it.number }
    val ints get() = items.map { it.int }

    operator fun get(name: String) =
        Node("$path: $name", (value as? Map<*, *> ?: fail("an object"))[name])

    fun optional(name: String) =
        (value as? Map<*, *>)?.get(name)?.let { Node("$path: $name", it) }

    fun mustBe(expected: String) {
        if (text != expected) fail(expected)
    }

    private fun fail(expected: String): Nothing =
        throw IllegalArgumentException("$path: expected $expected. Received: $value")
}
