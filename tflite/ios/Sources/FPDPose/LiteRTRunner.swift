#if canImport(LiteRT)
import Foundation
import LiteRT

/// Runs the network on LiteRT's compiled model.
public final class LiteRTRunner: HeatmapRunner {
    public let processor: Processor
    private let model: CompiledModel
    private let inputs: [TensorBuffer]
    private let outputs: [TensorBuffer]

    /// - Parameters:
    ///   - model: path of the .tflite.
    ///   - processor: the GPU, for float16 files, needs the product LiteRtMetalAccelerator.
    ///     Asked for both, LiteRT would take the CPU without a word where Metal fails.
    public init(model: String, processor: Processor) throws {
        let options = try Options()
        try options.setHardwareAccelerators(processor == .gpu ? [.gpu] : [.cpu])
        self.processor = processor
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
    /// The bundled model on LiteRT: a float16 file on the GPU where that takes it, any other
    /// on the CPU; `processor` says which it became.
    public static func onLiteRT() throws -> PoseEstimator {
        let (contract, model) = try Bundled.load()
        let onGPU =
            contract.model.weights == "float16"
            ? try? LiteRTRunner(model: model, processor: .gpu) : nil
        let runner = try onGPU ?? LiteRTRunner(model: model, processor: .cpu)
        return PoseEstimator(contract: contract, runner: runner)
    }
}
#endif
