// swift-tools-version: 5.9
import PackageDescription

// As it stands this package needs nothing: the pure code and its golden tests build with
// `swift test`. To run the model on LiteRT, add what the two comments say.
let package = Package(
    name: "FPDPose",
    platforms: [.iOS(.v15), .macOS(.v12)],
    products: [.library(name: "FPDPose", targets: ["FPDPose"])],
    dependencies: [
        // .package(url: "https://github.com/google-ai-edge/LiteRT", branch: "release/2.3.0"),
    ],
    targets: [
        .target(
            name: "FPDPose",
            dependencies: [
                // .product(name: "LiteRT", package: "LiteRT"),
                // .product(name: "LiteRtMetalAccelerator", package: "LiteRT"),
            ],
            resources: [
                .copy("Resources/pose.json"),
                .copy("Resources/pose.tflite"),
                .copy("Resources/PrivacyInfo.xcprivacy"),
            ]
        ),
        .testTarget(
            name: "FPDPoseTests",
            dependencies: ["FPDPose"],
            resources: [.copy("Resources/golden.json")]
        ),
    ]
)
