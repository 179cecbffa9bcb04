import Foundation

/// What a network runs on.
public enum Processor: String, Sendable {
    case cpu = "CPU"
    case gpu = "GPU"
}

/// Whatever runs the network: a crop in, heatmaps out.
public protocol HeatmapRunner {
    var processor: Processor { get }

    /// - Parameter crop: size x size x 3, RGB, in the contract's range.
    /// - Returns: height x width x K.
    func heatmaps(_ crop: [Float]) throws -> [Float]
}

/// Frames in, joints of one person out. Use it from one thread at a time.
public final class PoseEstimator {
    public let contract: Contract

    /// What the network runs on; worth showing beside every time that is measured.
    public var processor: Processor { runner.processor }

    private let runner: HeatmapRunner
    private var track: Track

    public init(contract: Contract, runner: HeatmapRunner) {
        self.contract = contract
        self.runner = runner
        track = Track(contract: contract)
    }

    /// The next frame of a film or a camera.
    ///
    /// - Parameter seconds: its time; where that is not later than the last frame's,
    ///   smoothing starts anew.
    /// - Returns: joints in pixels of the frame turned upright, not mirrored; nil where nobody
    ///   was found.
    public func next(_ frame: Frame, seconds: Double) throws -> Pose? {
        let view = try track.view(
            width: frame.width, height: frame.height,
            rotation: frame.rotation, mirrored: frame.mirrored)
        let heatmaps = try runner.heatmaps(frame.crop(view.matrix, image: contract.image))
        return track.update(heatmaps: heatmaps, view: view, seconds: seconds)
    }

    /// Forgets the person, for instance when the camera changes.
    public func forget() {
        track = Track(contract: contract)
    }
}

/// The model and contract that this package carries.
public enum Bundled {
    /// Reads pose.json and makes sure that the model is the one it describes.
    ///
    /// - Returns: the contract and the path of the .tflite.
    public static func load() throws -> (contract: Contract, model: String) {
        #if SWIFT_PACKAGE
        let bundle = Bundle.module
        #else
        let code = Bundle(for: PoseEstimator.self)
        let pod = code.url(forResource: "FPDPose", withExtension: "bundle")
        let bundle = pod.flatMap(Bundle.init(url:)) ?? .main
        #endif
        guard let json = bundle.url(forResource: "pose", withExtension: "json"),
              let model = bundle.url(forResource: "pose", withExtension: "tflite")
        else { throw PoseError("the app has no pose.json or no pose.tflite") }
        let contract = try Contract.read(Data(contentsOf: json))
        #if canImport(CryptoKit)
        try contract.checkModel(Data(contentsOf: model, options: .mappedIfSafe))
        #endif
        return (contract, model.path)
    }
}
