package fpd.pose

import java.io.File
import java.nio.ByteBuffer
import kotlin.math.abs
import kotlin.math.max

/** Holds this code against what Python computed; throws at the first difference. */
internal class Golden(text: String) {
    private val golden = Node("golden.json", parseJson(text))
    private val contract = Contract.of(golden["contract"])

    fun heatmapsToJoints() {
        for (case in golden["decode"].items) {
            val heatmaps = floats(case["heatmaps"].numbers)
            val found = decode(heatmaps, contract.heatmaps, contract.decode)
            near("joints", flat(found.joints), pairs(case["joints"]), 1e-4 * contract.image.size)
            near("scores", doubles(found.scores), case["scores"].numbers, 1e-6)
        }
    }

    fun framesToCrops() {
        val width = golden["crop"]["width"].int
        val height = golden["crop"]["height"].int
        val levels = golden["crop"]["levels"].ints
        val pixels = IntArray(width * height) {
            val (red, green, blue) = levels.subList(3 * it, 3 * it + 3)
            (255 shl 24) or (red shl 16) or (green shl 8) or blue
        }
        val image = Contract.Image("image", golden["crop"]["size"].int, -255.0, 255.0)
        for (case in golden["crop"]["views"].items) {
            val rotation = case["rotation"].int
            val mirrored = case["mirrored"].flag
            val (x, y, side) = case["region"].numbers
            val upright = Upright.of(width, height, rotation, mirrored)
            val matrix = Region(x, y, side).matrix(image.size) * upright.matrix
            near("matrix", listed(matrix), case["matrix"].numbers, 1e-9)
            val found = crop(Frame(pixels, width, height, rotation, mirrored), matrix, image)
            val levels = doubles(found).map { (it + 255) / 2 }
            near("levels", levels, case["levels"].numbers, 1e-3)
        }
    }

    fun jointsToTheNextRegion() {
        for (case in golden["regions"].items) {
            val joints = case["joints"].items.map { it.numbers.let { (x, y) -> Point(x, y) } }
            val width = case["width"].int
            val found =
                nextRegion(
                    joints, floats(case["scores"].numbers), width, case["height"].int,
                    contract.crop,
                )
            near("region", listed(found), case["region"].numbers, 1e-9 * width)
        }
    }

    fun framesToSquares() {
        for (case in golden["squares"].items) {
            val width = case["width"].int
            val found = squares(width, case["height"].int, contract)
            val expected = case["regions"].items.flatMap { it.numbers }
            near("squares", found.flatMap(::listed), expected, 1e-9 * width)
            val crop = contract.crop
            for (torsoless in listOf(crop.copy(hips = listOf()), crop.copy(shoulders = listOf()))) {
                val one = squares(width, case["height"].int, contract.copy(crop = torsoless))
                near("squares", one.flatMap(::listed), expected.take(3), 0.0)
            }
        }
    }

    fun aPersonThroughSixtyFrames() {
        val track = Track(contract)
        val cells = contract.heatmaps.height * contract.heatmaps.width
        for (frame in golden["track"].items) {
            val heatmaps = FloatArray(cells * contract.joints.size)
            val codes = frame["codes"].ints
            frame["cells"].ints.forEachIndexed { i, cell -> heatmaps[cell] = codes[i] / 255f }
            val view =
                track.view(
                    frame["width"].int, frame["height"].int, frame["rotation"].int,
                    frame["mirrored"].flag,
                )
            val tolerance = 1e-4 * max(view.width, view.height)
            near("region", listed(view.region), frame["region"].numbers, tolerance)
            near("matrix", listed(view.matrix), frame["matrix"].numbers, 1e-3)
            val pose = track.update(heatmaps, view, frame["seconds"].number)
            val joints = frame.optional("joints")
            check((pose == null) == (joints == null)) { "one saw somebody, the other nobody" }
            if (pose == null || joints == null) continue
            near("joints", flat(pose.joints), pairs(joints), tolerance)
            near("scores", doubles(pose.scores), frame["scores"].numbers, 1e-6)
        }
    }

    fun rowsOfACameraBecomePixels() {
        val rows = listOf(1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 9, 10, 11, 12, 13, 14, 15, 200)
        val bytes = ByteBuffer.wrap(ByteArray(rows.size) { rows[it].toByte() })
        val pixels = PixelBuffer().read(bytes, width = 2, height = 2, bytesPerRow = 10)
        val expected = listOf(0x04010203, 0x08050607, 0x0C090A0B, 0xC80D0E0F.toInt())
        check(pixels.toList() == expected) { "${pixels.toList()}" }
    }

    fun anOlderContractHasItsDefaults(poseJson: String) {
        val present = Regex(", \"presence\": [0-9.]+")
        val older = poseJson.replace(present, "").replace(Regex(".*\"search\".*\n"), "")
        check(older.length < poseJson.length - 60) { older }
        val contract = Contract.read(older)
        check(contract.presence == 0.2 && contract.sides == listOf(1.0, 0.75, 0.5)) { contract }
    }

    fun aContractOfOtherRulesIsRefused(poseJson: String) {
        refused(poseJson, "\"version\": 1", "\"version\": 2", "expected version 1. Received: 2")
        for (rule in listOf("argmax_log_parabola", "box", "squares", "one_euro")) {
            refused(poseJson, "\"$rule\"", "\"another\"", "rule: expected $rule. Received: another")
        }
        for (tensor in listOf("image", "heatmaps")) {
            val (float, int) = listOf("float32", "int8").map { "\"$tensor\", \"dtype\": \"$it\"" }
            refused(poseJson, float, int, "$tensor: dtype: expected float32. Received: int8")
        }
        check(Contract.read(poseJson).joints.isNotEmpty())
    }

    fun anotherModelIsRefused(poseJson: String, model: ByteArray) {
        val contract = Contract.read(poseJson)
        contract.checkModel(model)
        val refusal = runCatching { contract.checkModel(model.copyOf(model.size - 1)) }
        check("${refusal.exceptionOrNull()?.message}".startsWith("pose.tflite is not the file"))
    }

    private fun refused(poseJson: String, ours: String, other: String, said: String) {
        val content = poseJson.replaceFirst(ours, other)
        val refusal = runCatching { Contract.read(content) }.exceptionOrNull()
        check("${refusal?.message}".endsWith(said)) { "$said: $refusal" }
    }

    private fun pairs(node: Node) = node.items.flatMap { it.numbers }

    private fun flat(points: List<Point>) = points.flatMap { listOf(it.x, it.y) }

    private fun listed(region: Region) = listOf(region.x, region.y, region.side)

    private fun listed(matrix: Matrix) =
        with(matrix) { listOf(a, b, c, d, e, f) }

    private fun floats(numbers: List<Double>) = FloatArray(numbers.size) { numbers[it].toFloat() }

    private fun doubles(numbers: FloatArray) = numbers.map { it.toDouble() }

    private fun near(
        what: String,
        received: List<Double>,
        expected: List<Double>,
        tolerance: Double,
    ) {
        check(received.size == expected.size) { "$what: ${received.size} of ${expected.size}" }
        expected.forEachIndexed { i, it ->
            check(abs(received[i] - it) <= tolerance) {
                "$what[$i]: expected $it within $tolerance. Received: ${received[i]}"
            }
        }
    }
}

/** Runs without Gradle: arguments are golden.json, pose.json and pose.tflite. */
fun main(files: Array<String>) {
    val golden = Golden(File(files[0]).readText())
    golden.heatmapsToJoints()
    golden.framesToCrops()
    golden.jointsToTheNextRegion()
    golden.framesToSquares()
    golden.aPersonThroughSixtyFrames()
    golden.rowsOfACameraBecomePixels()
    golden.anOlderContractHasItsDefaults(File(files[1]).readText())
    golden.aContractOfOtherRulesIsRefused(File(files[1]).readText())
    golden.anotherModelIsRefused(File(files[1]).readText(), File(files[2]).readBytes())
    println("9 golden tests passed")
}
