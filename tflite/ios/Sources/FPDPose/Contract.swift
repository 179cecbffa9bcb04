import Foundation

#if canImport(CryptoKit)
import CryptoKit
#endif

/// pose.json: what must agree between the model and this code. K joints.
public struct Contract: Decodable, Sendable {
    public struct ModelFile: Decodable, Sendable {
        public let file: String
        public let sha256: String
        public let weights: String
    }

    /// Input [1, size, size, 3]: levels 0 to 255 are spread over `range`.
    public struct Image: Decodable, Sendable {
        public let name: String
        public let dtype: String
        public let size: Int
        public let range: [Double]
    }

    /// Output [1, height, width, K], `stride` crop pixels to a cell.
    public struct Heatmaps: Decodable, Sendable {
        public let name: String
        public let dtype: String
        public let height: Int
        public let width: Int
        public let stride: Int
    }

    public struct DecodeRule: Decodable, Sendable {
        public let rule: String
        public let logFloor: Double
        public let maxMove: Double
    }

    /// A joint below `threshold` is not to be shown; nobody is there where the mean of all
    /// scores is below `presence`.
    public struct Score: Decodable, Sendable {
        public let threshold: Double
        public let presence: Double
    }

    /// Where to look while nobody is followed: `squares(width:height:contract:)`.
    public struct Search: Decodable, Sendable {
        public let rule: String
        public let sides: [Double]
    }

    public struct CropRule: Decodable, Sendable {
        public let rule: String
        public let hips: [Int]
        public let shoulders: [Int]
        public let threshold: Double
        public let bodyMargin: Double
        public let torsoMargin: Double
        public let smallest: Double
    }

    public struct SmoothingRule: Decodable, Sendable {
        public let rule: String
        public let minCutoff: Double
        public let beta: Double
        public let derivativeCutoff: Double
    }

    public let version: Int
    public let model: ModelFile
    public let image: Image
    public let heatmaps: Heatmaps
    public let joints: [String]
    public let limbs: [[Int]]
    public let decode: DecodeRule
    public let score: Score
    public let crop: CropRule
    public let search: Search
    public let smoothing: SmoothingRule

    public static let newestVersion = 1

    /// Reads the content of pose.json.
    ///
    /// Throws `PoseError` for a newer version, another tensor type than float32, or rules
    /// that this code does not know.
    public static func read(_ content: Data) throws -> Contract {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let version = try decoder.decode(Version.self, from: content).version
        try expect("version", String(newestVersion), String(version))
        let contract = try decoder.decode(Contract.self, from: content)
        try expect("decode", "argmax_log_parabola", contract.decode.rule)
        try expect("crop", "box", contract.crop.rule)
        try expect("search", "squares", contract.search.rule)
        try expect("smoothing", "one_euro", contract.smoothing.rule)
        try expect(contract.image.name, "float32", contract.image.dtype)
        try expect(contract.heatmaps.name, "float32", contract.heatmaps.dtype)
        return contract
    }

    #if canImport(CryptoKit)
    /// Makes sure that a .tflite is the contract's.
    public func checkModel(_ content: Data) throws {
        let digest = SHA256.hash(data: content)
        let received = digest.map { String(format: "%02x", $0) }.joined()
        try Contract.expect("SHA-256 of \(model.file)", model.sha256, received)
    }
    #endif

    private struct Version: Decodable {
        let version: Int
    }

    private static func expect(_ field: String, _ expected: String, _ received: String) throws {
        guard expected == received else {
            throw PoseError("pose.json: \(field): expected \(expected). Received: \(received)")
        }
    }
}

// Contracts that were written before `presence` and `search` lack them.

extension Contract.Score {
    private enum Key: String, CodingKey { case threshold, presence }

    public init(from decoder: Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        threshold = try fields.decode(Double.self, forKey: .threshold)
        presence = try fields.decodeIfPresent(Double.self, forKey: .presence) ?? 0.2
    }
}

extension KeyedDecodingContainer {
    func decode(_ type: Contract.Search.Type, forKey key: Key) throws -> Contract.Search {
        try decodeIfPresent(type, forKey: key)
            ?? Contract.Search(rule: "squares", sides: [1, 0.75, 0.5])
    }
}

/// What is wrong, as one sentence.
public struct PoseError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
