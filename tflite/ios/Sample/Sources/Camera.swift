import FPDPose
import SwiftUI

@preconcurrency import AVFoundation

/// What the screen shows: the newest pose, or a sentence.
@MainActor
final class Camera: ObservableObject {
    @Published private(set) var shown: Shown?
    @Published private(set) var status = "Loading the model"

    private let looker = Looker()
    var session: AVCaptureSession { looker.session }

    func start() async {
        guard await AVCaptureDevice.requestAccess(for: .video) else {
            status = "The camera is needed to see a person; allow it in Settings."
            return
        }
        looker.start { shown, status in
            Task { @MainActor [weak self] in
                self?.shown = shown
                self?.status = status
            }
        }
    }

    /// Front instead of back, and the other way round.
    func turn() {
        looker.turn()
    }
}

/// A pose, or nobody, and the upright frame that was looked at.
struct Shown: Sendable {
    let pose: Pose?
    let contract: Contract
    let width: Double
    let height: Double
    let mirrored: Bool
}

/// Camera frames to poses. Everything but `session` is touched on the queue alone, where the
/// network runs too; late frames are dropped.
final class Looker: NSObject, @unchecked Sendable {
    typealias Answer = @Sendable (Shown?, String) -> Void

    let session = AVCaptureSession()
    private let queue = DispatchQueue(label: "fpd.sample.pose")
    private var estimator: PoseEstimator?
    private var position = AVCaptureDevice.Position.back
    private var answer: Answer = { _, _ in }

    func start(_ answer: @escaping Answer) {
        saying { [self] in
            self.answer = answer
            #if canImport(LiteRT)
            estimator = try PoseEstimator.onLiteRT()
            #else
            estimator = try PoseEstimator.onTensorFlowLite()
            #endif
            try configure()
            session.startRunning()
        }
    }

    func turn() {
        saying { [self] in
            position = position == .back ? .front : .back
            estimator?.forget()
            try configure()
        }
    }

    /// Shows what goes wrong.
    private func saying(_ action: @escaping @Sendable () throws -> Void) {
        queue.async { [self] in
            do { try action() } catch { answer(nil, "\(error)") }
        }
    }

    private func configure() throws {
        guard let device = AVCaptureDevice.default(
            .builtInWideAngleCamera, for: .video, position: position)
        else { throw PoseError("this device has no such camera") }
        let input = try AVCaptureDeviceInput(device: device)
        session.beginConfiguration()
        defer { session.commitConfiguration() }
        session.inputs.forEach(session.removeInput)
        session.outputs.forEach(session.removeOutput)
        session.sessionPreset = .vga640x480
        let output = AVCaptureVideoDataOutput()
        output.videoSettings = [
            kCVPixelBufferPixelFormatTypeKey as String: kCVPixelFormatType_32BGRA
        ]
        output.alwaysDiscardsLateVideoFrames = true
        output.setSampleBufferDelegate(self, queue: queue)
        session.addInput(input)
        session.addOutput(output)
    }
}

extension Looker: AVCaptureVideoDataOutputSampleBufferDelegate {
    func captureOutput(
        _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer,
        from connection: AVCaptureConnection
    ) {
        guard let estimator, let pixels = CMSampleBufferGetImageBuffer(sampleBuffer) else { return }
        let seconds = CMSampleBufferGetPresentationTimeStamp(sampleBuffer).seconds
        let started = Date()
        do {
            let pose = try estimator.next(pixels, seconds: seconds)
            let milliseconds = Int(1000 * Date().timeIntervalSince(started))
            let contract = estimator.contract
            let scores = pose?.scores ?? []
            let seen = scores.filter { Double($0) >= contract.score.threshold }.count
            let shown = Shown(
                pose: pose, contract: contract,
                width: Double(CVPixelBufferGetHeight(pixels)),
                height: Double(CVPixelBufferGetWidth(pixels)),
                mirrored: position == .front)
            let found = "\(seen) of \(contract.joints.count) joints"
            answer(shown, "\(found)   \(milliseconds) ms on \(estimator.processor.rawValue)")
        } catch {
            answer(nil, "\(error)")
        }
    }
}

extension PoseEstimator {
    /// A frame as the sensor stores it: a phone held upright turns it by 90 degrees, and
    /// unlike the preview, a front camera's is not mirrored.
    fileprivate func next(_ pixels: CVPixelBuffer, seconds: Double) throws -> Pose? {
        CVPixelBufferLockBaseAddress(pixels, .readOnly)
        defer { CVPixelBufferUnlockBaseAddress(pixels, .readOnly) }
        let bytesPerRow = CVPixelBufferGetBytesPerRow(pixels)
        let height = CVPixelBufferGetHeight(pixels)
        let bytes = UnsafeRawBufferPointer(
            start: CVPixelBufferGetBaseAddress(pixels), count: bytesPerRow * height)
        let frame = Frame(
            bytes: bytes, width: CVPixelBufferGetWidth(pixels), height: height,
            bytesPerRow: bytesPerRow, layout: .bgra, rotation: 90)
        return try next(frame, seconds: seconds)
    }
}
