#if canImport(LiteRT)
import Foundation
import LiteRT

/// Runs the network on LiteRT's compiled model.
public final class LiteRTRunner: HeatmapRunner {
    private let model: CompiledModel
    private let inputs: [TensorBuffer]
    private let outputs: [TensorBuffer]

    /// - Parameters:
    ///   - model: path of the .tflite.
    ///   - gpu: Metal, for float16 files; needs the product LiteRtMetalAccelerator.
    public init(model: String, gpu: Bool) throws {
        let options = try Options()
        try options.setHardwareAccelerators(gpu ? [.gpu, .cpu] : [.cpu])
        self.model = try CompiledModel(
            filePath: model, environment: try Environment(), options: options)
        inputs = try self.model.createInputBuffers()
        outputs = try self.model.createOutputBuffers()
    }

    public func heatmaps(_ crop: [Float]) throws -> [Float] {
        try inputs[0].write(crop)
        try model.run(inputs: inputs, outputs: outputs)
        return try outputs[0].read()
    }
}

extension PoseEstimator {
    /// The bundled model on LiteRT: a float16 file on the GPU, any other on the CPU.
    public static func onLiteRT() throws -> PoseEstimator {
        let (contract, model) = try Bundled.load()
        let gpu = contract.model.weights == "float16"
        return PoseEstimator(contract: contract, runner: try LiteRTRunner(model: model, gpu: gpu))
    }
}
#endif
