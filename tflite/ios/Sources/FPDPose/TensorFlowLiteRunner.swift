#if canImport(TensorFlowLite)
import Foundation
import TensorFlowLite

/// Runs the network on TensorFlowLiteSwift, the stable CocoaPod.
public final class TensorFlowLiteRunner: HeatmapRunner {
    public let processor = Processor.cpu
    private let interpreter: Interpreter

    /// - Parameters:
    ///   - model: path of the .tflite.
    ///   - threads: of the CPU.
    ///   - xnnpack: faster CPU kernels. Off, because the same kernels inside LiteRT were
    ///     reported to crash on iOS where nearest-neighbour resizing is allocated; turn it
    ///     on once your app was seen to run with it.
    public init(model: String, threads: Int = 2, xnnpack: Bool = false) throws {
        var options = Interpreter.Options()
        options.threadCount = threads
        options.isXNNPackEnabled = xnnpack
        interpreter = try Interpreter(modelPath: model, options: options)
        try interpreter.allocateTensors()
    }

    public func heatmaps(_ crop: [Float]) throws -> [Float] {
        let input = crop.withUnsafeBufferPointer { Data(buffer: $0) }
        try interpreter.copy(input, toInputAt: 0)
        try interpreter.invoke()
        let output = try interpreter.output(at: 0)
        return output.data.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
}

extension PoseEstimator {
    /// The bundled model on TensorFlowLiteSwift; see `TensorFlowLiteRunner`.
    public static func onTensorFlowLite(
        threads: Int = 2, xnnpack: Bool = false
    ) throws -> PoseEstimator {
        let (contract, model) = try Bundled.load()
        let runner = try TensorFlowLiteRunner(model: model, threads: threads, xnnpack: xnnpack)
        return PoseEstimator(contract: contract, runner: runner)
    }
}
#endif
