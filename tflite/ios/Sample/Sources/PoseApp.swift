import FPDPose
import SwiftUI

@main
struct PoseApp: App {
    var body: some Scene {
        WindowGroup { CameraScreen() }
    }
}

/// The camera's picture, the skeleton over it, and what each frame took.
struct CameraScreen: View {
    @StateObject private var camera = Camera()

    var body: some View {
        ZStack {
            Color.black
            CameraPreview(session: camera.session)
            if let shown = camera.shown {
                Skeleton(shown: shown)
            }
            VStack {
                Spacer()
                HStack {
                    Text(camera.status)
                        .font(.callout.monospacedDigit())
                        .foregroundColor(.white)
                    Spacer()
                    Button {
                        camera.turn()
                    } label: {
                        Image(systemName: "arrow.triangle.2.circlepath.camera")
                            .font(.title2)
                            .padding()
                    }
                    .accessibilityLabel("Other camera")
                }
                .padding()
            }
        }
        .ignoresSafeArea()
        .task { await camera.start() }
    }
}
