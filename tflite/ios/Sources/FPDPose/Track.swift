import Foundation

/// From the stored frame to the crop, and the upright frame's size.
public struct CropView: Sendable {
    public let matrix: Matrix
    public let region: Region
    public let width: Int
    public let height: Int
}

/// One person through a film: searched, found, followed, let go.
public final class Track {
    private let contract: Contract
    private let oneEuro: OneEuro
    private var region: Region?
    private var searched = 0
    private var frame = (width: 0, height: 0)

    public init(contract: Contract) {
        self.contract = contract
        oneEuro = OneEuro(rule: contract.smoothing, threshold: contract.crop.threshold)
    }

    /// How to look at a frame; one of another size starts everything anew.
    ///
    /// - Parameters:
    ///   - width: of the stored frame.
    ///   - height: of the stored frame.
    ///   - rotation: degrees clockwise that turn it upright.
    ///   - mirrored: whether it shows a mirror image.
    public func view(
        width: Int, height: Int, rotation: Int = 0, mirrored: Bool = false
    ) throws -> CropView {
        let upright = try Upright(
            width: width, height: height, rotation: rotation, mirrored: mirrored)
        if frame != (upright.width, upright.height) {
            region = nil
            searched = 0
            oneEuro.forget()
        }
        frame = (upright.width, upright.height)
        let region = self.region ?? nextSquare(upright.width, upright.height)
        let matrix = region.matrix(size: contract.image.size) * upright.matrix
        return CropView(
            matrix: matrix, region: region, width: upright.width, height: upright.height)
    }

    private func nextSquare(_ width: Int, _ height: Int) -> Region {
        let places = squares(width: width, height: height, contract: contract)
        return places[searched % places.count]
    }

    /// Joints in pixels of the upright frame; nil where nobody is there.
    ///
    /// - Parameters:
    ///   - heatmaps: of the crop, height x width x K.
    ///   - view: the frame's.
    ///   - seconds: its time.
    public func update(heatmaps: [Float], view: CropView, seconds: Double) -> Pose? {
        let found = decode(heatmaps, shape: contract.heatmaps, rule: contract.decode)
        if region == nil { searched += 1 }
        let mean = found.scores.reduce(0) { $0 + Double($1) } / Double(found.scores.count)
        if mean < contract.score.presence {
            region = nil
            oneEuro.forget()
            return nil
        }
        let back = view.region.matrix(size: contract.image.size).inverse
        let joints = oneEuro.smooth(
            joints: found.joints.map { back($0) }, scores: found.scores,
            seconds: seconds, side: view.region.side)
        region = nextRegion(
            joints: joints, scores: found.scores, width: view.width, height: view.height,
            rule: contract.crop)
        return Pose(joints: joints, scores: found.scores)
    }
}
