import AVFoundation
import FPDPose
import SwiftUI

/// What the camera sees, fitted into the screen; a front camera's picture is mirrored.
struct CameraPreview: UIViewRepresentable {
    let session: AVCaptureSession

    final class LayerView: UIView {
        override class var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }
    }

    func makeUIView(context: Context) -> LayerView {
        let view = LayerView()
        if let layer = view.layer as? AVCaptureVideoPreviewLayer {
            layer.session = session
            layer.videoGravity = .resizeAspect
        }
        return view
    }

    func updateUIView(_ view: LayerView, context: Context) {}
}

/// Draws a pose over a preview that fits the same frame into the same place.
struct Skeleton: View {
    let shown: Shown

    var body: some View {
        Canvas { context, size in
            guard let pose = shown.pose else { return }
            let contract = shown.contract
            let zoom = min(size.width / shown.width, size.height / shown.height)
            let left = (size.width - zoom * shown.width) / 2
            let top = (size.height - zoom * shown.height) / 2

            func seen(_ joint: Int) -> Bool {
                Double(pose.scores[joint]) >= contract.score.threshold
            }
            func place(_ joint: Int) -> CGPoint {
                let at = pose.joints[joint]
                let x = shown.mirrored ? shown.width - at.x - 0.5 : at.x + 0.5
                return CGPoint(x: left + zoom * x, y: top + zoom * (at.y + 0.5))
            }

            for limb in contract.limbs where limb.allSatisfy(seen) {
                var path = Path()
                path.move(to: place(limb[0]))
                path.addLine(to: place(limb[1]))
                let style = StrokeStyle(lineWidth: 5, lineCap: .round)
                context.stroke(path, with: .color(color(limb)), style: style)
            }
            for joint in contract.joints.indices where seen(joint) {
                let at = place(joint)
                let dot = CGRect(x: at.x - 5, y: at.y - 5, width: 10, height: 10)
                context.fill(Path(ellipseIn: dot), with: .color(color([joint])))
            }
        }
    }

    /// The person's right orange, left blue, middle white.
    private func color(_ joints: [Int]) -> Color {
        let names = joints.map { shown.contract.joints[$0] }
        let right = names.contains { $0.hasPrefix("right_") }
        let left = names.contains { $0.hasPrefix("left_") }
        if right == left { return Color(red: 0.94, green: 0.93, blue: 0.89) }
        return right
            ? Color(red: 1.0, green: 0.48, blue: 0.24)
            : Color(red: 0.16, green: 0.66, blue: 1.0)
    }
}
