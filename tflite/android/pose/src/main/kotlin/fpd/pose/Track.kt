package fpd.pose

/** From the stored frame to the crop, and the upright frame's size. */
class CropView(val matrix: Matrix, val region: Region, val width: Int, val height: Int)

/** One person through a film: searched, found, followed, let go. */
class Track(private val contract: Contract) {
    private val oneEuro = OneEuro(contract.smoothing, contract.crop.threshold)
    private var region: Region? = null
    private var searched = 0
    private var frame = 0 to 0

    /**
     * How to look at a frame; one of another size starts everything anew.
     *
     * @param width of the stored frame
     * @param height of the stored frame
     * @param rotation degrees clockwise that turn it upright
     * @param mirrored whether it shows a mirror image
     */
    fun view(width: Int, height: Int, rotation: Int = 0, mirrored: Boolean = false): CropView {
        val upright = Upright.of(width, height, rotation, mirrored)
        if (upright.width to upright.height != frame) {
            region = null
            searched = 0
            oneEuro.forget()
        }
        frame = upright.width to upright.height
        val region = region ?: nextSquare(upright.width, upright.height)
        val matrix = region.matrix(contract.image.size) * upright.matrix
        return CropView(matrix, region, upright.width, upright.height)
    }

    private fun nextSquare(width: Int, height: Int): Region {
        val places = squares(width, height, contract)
        return places[searched % places.size]
    }

    /**
     * Joints in pixels of the upright frame; null where nobody is there.
     *
     * @param heatmaps of the crop, height x width x K
     * @param view the frame's
     * @param seconds its time
     */
    fun update(heatmaps: FloatArray, view: CropView, seconds: Double): Pose? {
        val found = decode(heatmaps, contract.heatmaps, contract.decode)
        if (region == null) searched++
        if (found.scores.sumOf { it.toDouble() } / found.scores.size < contract.presence) {
            region = null
            oneEuro.forget()
            return null
        }
        val back = view.region.matrix(contract.image.size).inverse()
        val raw = found.joints.map { back * it }
        val joints = oneEuro.smooth(raw, found.scores, seconds, view.region.side)
        region = nextRegion(joints, found.scores, view.width, view.height, contract.crop)
        return Pose(joints, found.scores)
    }
}
