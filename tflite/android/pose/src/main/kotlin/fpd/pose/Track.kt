package fpd.pose

/** From the stored frame to the crop, and the upright frame's size. */
class CropView(val matrix: Matrix, val region: Region, val width: Int, val height: Int)

/** One person through a film: what is remembered from frame to frame. */
class Track(private val contract: Contract) {
    private val oneEuro = OneEuro(contract.smoothing, contract.crop.threshold)
    private var region: Region? = null
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
            oneEuro.forget()
        }
        frame = upright.width to upright.height
        val region = region ?: Region.whole(upright.width, upright.height)
        val matrix = region.matrix(contract.image.size) * upright.matrix
        return CropView(matrix, region, upright.width, upright.height)
    }

    /**
     * Joints in pixels of the upright frame.
     *
     * @param heatmaps of the crop, height x width x K
     * @param view the frame's
     * @param seconds its time
     */
    fun update(heatmaps: FloatArray, view: CropView, seconds: Double): Pose {
        val found = decode(heatmaps, contract.heatmaps, contract.decode)
        val back = view.region.matrix(contract.image.size).inverse()
        val raw = found.joints.map { back * it }
        val joints = oneEuro.smooth(raw, found.scores, seconds, view.region.side)
        region = nextRegion(joints, found.scores, view.width, view.height, contract.crop)
        return Pose(joints, found.scores)
    }
}
