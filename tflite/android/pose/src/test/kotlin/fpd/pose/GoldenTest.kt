package fpd.pose

import java.io.File
import org.junit.Test

class GoldenTest {
    private val golden = Golden(File("src/test/resources/golden.json").readText())

    @Test fun heatmapsToJoints() = golden.heatmapsToJoints()

    @Test fun framesToCrops() = golden.framesToCrops()

    @Test fun jointsToTheNextRegion() = golden.jointsToTheNextRegion()

    @Test fun framesToSquares() = golden.framesToSquares()

    @Test fun aPersonThroughSixtyFrames() = golden.aPersonThroughSixtyFrames()

    @Test fun rowsOfACameraBecomePixels() = golden.rowsOfACameraBecomePixels()

    @Test fun anOlderContractHasItsDefaults() =
        golden.anOlderContractHasItsDefaults(File("src/main/assets/pose.json").readText())

    @Test fun aContractOfOtherRulesIsRefused() =
        golden.aContractOfOtherRulesIsRefused(File("src/main/assets/pose.json").readText())

    @Test fun anotherModelIsRefused() =
        golden.anotherModelIsRefused(
            File("src/main/assets/pose.json").readText(),
            File("src/main/assets/pose.tflite").readBytes(),
        )
}
