import XCTest

@testable import FPDPose

/// Holds this code against what Python computed.
final class GoldenTests: XCTestCase {
    private struct Golden: Decodable {
        struct Decoded: Decodable {
            let heatmaps: [Float]
            let joints: [[Double]]
            let scores: [Double]
        }
        struct Crop: Decodable {
            struct View: Decodable {
                let rotation: Int
                let mirrored: Bool
                let region: [Double]
                let matrix: [Double]
                let levels: [Double]
            }
            let width: Int
            let height: Int
            let levels: [UInt8]
            let size: Int
            let views: [View]
        }
        struct Next: Decodable {
            let width: Int
            let height: Int
            let joints: [[Double]]
            let scores: [Float]
            let region: [Double]
        }
        struct Step: Decodable {
            let width: Int
            let height: Int
            let rotation: Int
            let mirrored: Bool
            let seconds: Double
            let cells: [Int]
            let codes: [Float]
            let region: [Double]
            let matrix: [Double]
            let joints: [[Double]]?
            let scores: [Double]?
        }
        struct Squares: Decodable {
            let width: Int
            let height: Int
            let regions: [[Double]]
        }
        let contract: Contract
        let decode: [Decoded]
        let crop: Crop
        let regions: [Next]
        let squares: [Squares]
        let track: [Step]
    }

    private func read() throws -> Golden {
        let url = try XCTUnwrap(Bundle.module.url(forResource: "golden", withExtension: "json"))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Golden.self, from: Data(contentsOf: url))
    }

    func testHeatmapsToJoints() throws {
        let golden = try read()
        let contract = golden.contract
        for example in golden.decode {
            let found = decode(example.heatmaps, shape: contract.heatmaps, rule: contract.decode)
            let tolerance = 1e-4 * Double(contract.image.size)
            near(flat(found.joints), example.joints.flatMap { $0 }, tolerance)
            near(found.scores.map(Double.init), example.scores, 1e-6)
        }
    }

    func testFramesToCrops() throws {
        let golden = try read().crop
        let image = Contract.Image(
            name: "image", dtype: "float32", size: golden.size, range: [-255, 255])
        for example in golden.views {
            let region = Region(
                x: example.region[0], y: example.region[1], side: example.region[2])
            let upright = try Upright(
                width: golden.width, height: golden.height,
                rotation: example.rotation, mirrored: example.mirrored)
            let matrix = region.matrix(size: golden.size) * upright.matrix
            near(listed(matrix), example.matrix, 1e-9)
            for layout in [Frame.Layout.rgba, .bgra] {
                let stored = rows(golden.levels, golden.width, layout)
                let found = stored.withUnsafeBytes {
                    Frame(
                        bytes: $0, width: golden.width, height: golden.height,
                        bytesPerRow: 4 * golden.width + 5, layout: layout
                    ).crop(matrix, image: image)
                }
                near(found.map { (Double($0) + 255) / 2 }, example.levels, 1e-3)
            }
        }
    }

    /// Bytes of a frame whose rows end in five that are none of its pixels.
    private func rows(_ levels: [UInt8], _ width: Int, _ layout: Frame.Layout) -> [UInt8] {
        var bytes = [UInt8]()
        for pixel in 0..<(levels.count / 3) {
            let color = levels[(3 * pixel)..<(3 * pixel + 3)]
            bytes += (layout == .rgba ? Array(color) : color.reversed()) + [255]
            if (pixel + 1) % width == 0 { bytes += [9, 9, 9, 9, 9] }
        }
        return bytes
    }

    func testJointsToTheNextRegion() throws {
        let golden = try read()
        for example in golden.regions {
            let found = nextRegion(
                joints: example.joints.map { Point(x: $0[0], y: $0[1]) },
                scores: example.scores, width: example.width, height: example.height,
                rule: golden.contract.crop)
            near([found.x, found.y, found.side], example.region, 1e-9 * Double(example.width))
        }
    }

    func testAPersonThroughSixtyFrames() throws {
        let golden = try read()
        let shape = golden.contract.heatmaps
        let track = Track(contract: golden.contract)
        for step in golden.track {
            var heatmaps = [Float](
                repeating: 0, count: shape.height * shape.width * golden.contract.joints.count)
            for (cell, code) in zip(step.cells, step.codes) { heatmaps[cell] = code / 255 }
            let view = try track.view(
                width: step.width, height: step.height,
                rotation: step.rotation, mirrored: step.mirrored)
            let tolerance = 1e-4 * Double(max(view.width, view.height))
            near([view.region.x, view.region.y, view.region.side], step.region, tolerance)
            near(listed(view.matrix), step.matrix, 1e-3)
            let pose = track.update(heatmaps: heatmaps, view: view, seconds: step.seconds)
            XCTAssertEqual(pose == nil, step.joints == nil)
            near(flat(pose?.joints ?? []), (step.joints ?? []).flatMap { $0 }, tolerance)
            near((pose?.scores ?? []).map(Double.init), step.scores ?? [], 1e-6)
        }
    }

    func testFramesToSquares() throws {
        let golden = try read()
        for example in golden.squares {
            let found = squares(
                width: example.width, height: example.height, contract: golden.contract)
            let flat = found.flatMap { [$0.x, $0.y, $0.side] }
            near(flat, example.regions.flatMap { $0 }, 1e-9 * Double(example.width))
        }
    }

    /// What golden.json's contract says.
    private func fields() throws -> [String: Any] {
        let url = try XCTUnwrap(Bundle.module.url(forResource: "golden", withExtension: "json"))
        let golden = try JSONSerialization.jsonObject(with: Data(contentsOf: url))
        return try XCTUnwrap((golden as? [String: Any])?["contract"] as? [String: Any])
    }

    func testWithoutHipsOrShouldersTheWholeFrameIsSearched() throws {
        for part in ["hips", "shoulders"] {
            var contract = try fields()
            var crop = try XCTUnwrap(contract["crop"] as? [String: Any])
            crop[part] = [Int]()
            contract["crop"] = crop
            let read = try Contract.read(JSONSerialization.data(withJSONObject: contract))
            let whole = Region.whole(width: 640, height: 480)
            XCTAssertEqual(squares(width: 640, height: 480, contract: read), [whole])
        }
    }

    func testAContractOfOtherRulesIsRefused() throws {
        let contract = try fields()
        XCTAssertNoThrow(try Contract.read(JSONSerialization.data(withJSONObject: contract)))
        try refused(contract, "version", 2, "version: expected 1. Received: 2")
        for part in ["decode", "crop", "search", "smoothing"] {
            var rule = try XCTUnwrap(contract[part] as? [String: Any])
            rule["rule"] = "another"
            try refused(contract, part, rule, "Received: another")
        }
        for part in ["image", "heatmaps"] {
            var tensor = try XCTUnwrap(contract[part] as? [String: Any])
            tensor["dtype"] = "int8"
            try refused(contract, part, tensor, "expected float32. Received: int8")
        }
    }

    private func refused(
        _ contract: [String: Any], _ field: String, _ value: Any, _ said: String
    ) throws {
        var other = contract
        other[field] = value
        let content = try JSONSerialization.data(withJSONObject: other)
        XCTAssertThrowsError(try Contract.read(content)) {
            XCTAssertTrue("\($0)".hasSuffix(said), "\($0)")
        }
    }

    func testAnOlderContractHasItsDefaults() throws {
        var older = try fields()
        older["search"] = nil
        older["score"] = ["threshold": 0.3]
        let contract = try Contract.read(JSONSerialization.data(withJSONObject: older))
        XCTAssertEqual(contract.score.threshold, 0.3)
        XCTAssertEqual(contract.score.presence, 0.2)
        XCTAssertEqual(contract.search.sides, [1, 0.75, 0.5])
    }

    private func flat(_ points: [Point]) -> [Double] {
        points.flatMap { [$0.x, $0.y] }
    }

    private func listed(_ matrix: Matrix) -> [Double] {
        [matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f]
    }

    private func near(_ received: [Double], _ expected: [Double], _ tolerance: Double) {
        XCTAssertEqual(received.count, expected.count)
        for (found, value) in zip(received, expected) {
            XCTAssertEqual(found, value, accuracy: tolerance)
        }
    }
}
