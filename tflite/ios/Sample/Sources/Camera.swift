import AVFoundation
import FPDPose
import SwiftUI

/// Camera frames to poses. The network runs on its own queue; late frames are dropped.
final class Camera: NSObject, ObservableObject {
    struct Shown {
        let pose: Pose
        let contract: Contract
        let width: Double
        let height: Double
        let mirrored: Bool
    }

    @Published private(set) var shown: Shown?
    @Published private(set) var status = "Loading the model"

    let session = AVCaptureSession()
    private let queue = DispatchQueue(label: "fpd.sample.pose")
    private var estimator: PoseEstimator?
    private var position = AVCaptureDevice.Position.back

    func start() async {
        guard await AVCaptureDevice.requestAccess(for: .video) else {
            await tell("The camera is needed to see a person; allow it in Settings.")
            return
        }
        queue.async { [self] in
            do {
                #if canImport(LiteRT)
                estimator = try PoseEstimator.onLiteRT()
                #else
                estimator = try PoseEstimator.onTensorFlowLite()
                #endif
                try configure()
                session.startRunning()
            } catch {
                Task { await tell("\(error)") }
            }
        }
    }

    /// Front instead of back, and the other way round.
    func turn() {
        queue.async { [self] in
            position = position == .back ? .front : .back
            estimator?.forget()
            do { try configure() } catch { Task { await tell("\(error)") } }
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

    @MainActor
    private func tell(_ sentence: String) {
        status = sentence
    }
}

extension Camera: AVCaptureVideoDataOutputSampleBufferDelegate {
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
            let seen = pose.scores.filter { Double($0) >= contract.score.threshold }.count
            let shown = Shown(
                pose: pose, contract: contract,
                width: Double(CVPixelBufferGetHeight(pixels)),
                height: Double(CVPixelBufferGetWidth(pixels)),
                mirrored: position == .front)
            DispatchQueue.main.async { [self] in
                self.shown = shown
                status = "\(seen) of \(contract.joints.count) joints   \(milliseconds) ms"
            }
        } catch {
            Task { await tell("\(error)") }
        }
    }
}

extension PoseEstimator {
    /// A frame as the sensor stores it: a phone held upright turns it by 90 degrees, and
    /// unlike the preview, a front camera's is not mirrored.
    fileprivate func next(_ pixels: CVPixelBuffer, seconds: Double) throws -> Pose {
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
