import Foundation

/// Pixel centres lie at whole numbers.
public struct Point: Equatable, Sendable {
    public var x: Double
    public var y: Double

    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }
}

/// A square of the upright frame.
public struct Region: Equatable, Sendable {
    public var x: Double
    public var y: Double
    public var side: Double

    public init(x: Double, y: Double, side: Double) {
        self.x = x
        self.y = y
        self.side = side
    }

    /// The square around a whole frame; what lies outside is black.
    public static func whole(width: Int, height: Int) -> Region {
        Region(
            x: Double(width - 1) / 2, y: Double(height - 1) / 2,
            side: Double(max(width, height)))
    }

    /// The map from the upright frame to a crop of `size` x `size`.
    public func matrix(size: Int) -> Matrix {
        let zoom = Double(size) / side
        let middle = Double(size - 1) / 2
        return Matrix(a: zoom, b: 0, c: middle - zoom * x, d: 0, e: zoom, f: middle - zoom * y)
    }
}

/// x' = a x + b y + c, y' = d x + e y + f.
public struct Matrix: Equatable, Sendable {
    public var a, b, c, d, e, f: Double

    public func callAsFunction(_ point: Point) -> Point {
        Point(x: a * point.x + b * point.y + c, y: d * point.x + e * point.y + f)
    }

    /// First `inner`, then `outer`.
    public static func * (outer: Matrix, inner: Matrix) -> Matrix {
        Matrix(
            a: outer.a * inner.a + outer.b * inner.d,
            b: outer.a * inner.b + outer.b * inner.e,
            c: outer.a * inner.c + outer.b * inner.f + outer.c,
            d: outer.d * inner.a + outer.e * inner.d,
            e: outer.d * inner.b + outer.e * inner.e,
            f: outer.d * inner.c + outer.e * inner.f + outer.f)
    }

    public var inverse: Matrix {
        let scale = 1 / (a * e - b * d)
        let (g, h) = (e * scale, -b * scale)
        let (i, j) = (-d * scale, a * scale)
        return Matrix(a: g, b: h, c: -g * c - h * f, d: i, e: j, f: -i * c - j * f)
    }
}

/// How a stored frame lies in the upright one, and that one's size.
public struct Upright: Sendable {
    public let matrix: Matrix
    public let width: Int
    public let height: Int

    /// - Parameters:
    ///   - width: of the stored frame.
    ///   - height: of the stored frame.
    ///   - rotation: degrees clockwise that turn it upright.
    ///   - mirrored: whether it shows a mirror image, undone after turning.
    public init(width: Int, height: Int, rotation: Int, mirrored: Bool) throws {
        let right = Double(width - 1)
        let bottom = Double(height - 1)
        let turn: Matrix
        switch rotation {
        case 0: turn = Matrix(a: 1, b: 0, c: 0, d: 0, e: 1, f: 0)
        case 90: turn = Matrix(a: 0, b: -1, c: bottom, d: 1, e: 0, f: 0)
        case 180: turn = Matrix(a: -1, b: 0, c: right, d: 0, e: -1, f: bottom)
        case 270: turn = Matrix(a: 0, b: 1, c: 0, d: -1, e: 0, f: right)
        default:
            throw PoseError("rotation: expected 0, 90, 180 or 270. Received: \(rotation)")
        }
        self.width = rotation % 180 == 0 ? width : height
        self.height = rotation % 180 == 0 ? height : width
        let flip = Matrix(a: -1, b: 0, c: Double(self.width - 1), d: 0, e: 1, f: 0)
        matrix = mirrored ? flip * turn : turn
    }
}

/// A stored frame: four bytes a pixel, rows `bytesPerRow` apart.
///
/// It points at `bytes` and may go from thread to thread, so whoever makes it sees to it that
/// they stay, unchanged, until it was looked at.
public struct Frame: @unchecked Sendable {
    public enum Layout: Sendable {
        case rgba
        case bgra
    }

    public let bytes: UnsafeRawBufferPointer
    public let width: Int
    public let height: Int
    public let bytesPerRow: Int
    public let layout: Layout
    public let rotation: Int
    public let mirrored: Bool

    public init(
        bytes: UnsafeRawBufferPointer, width: Int, height: Int, bytesPerRow: Int,
        layout: Layout, rotation: Int = 0, mirrored: Bool = false
    ) {
        self.bytes = bytes
        self.width = width
        self.height = height
        self.bytesPerRow = bytesPerRow
        self.layout = layout
        self.rotation = rotation
        self.mirrored = mirrored
    }

    /// Resamples: bilinear, black outside, whole levels spread over the input's range.
    ///
    /// In single precision, each operation rounded as in OpenCV 5, which samples for Python: the
    /// levels are equal.
    ///
    /// - Parameter matrix: from the stored frame to the crop.
    /// - Returns: size x size x 3, RGB.
    public func crop(_ matrix: Matrix, image: Contract.Image) -> [Float] {
        let back = matrix.inverse
        let low = image.range[0]
        let step = (image.range[1] - low) / 255
        let channels = layout == .rgba ? [0, 1, 2] : [2, 1, 0]
        var crop = [Float]()
        crop.reserveCapacity(image.size * image.size * 3)
        for row in 0..<image.size {
            let fromX = Float(back.b) * Float(row) + Float(back.c)
            let fromY = Float(back.e) * Float(row) + Float(back.f)
            for column in 0..<image.size {
                let x = fromX.addingProduct(Float(back.a), Float(column))
                let y = fromY.addingProduct(Float(back.d), Float(column))
                let (left, top) = (Int(x.rounded(.down)), Int(y.rounded(.down)))
                let (right, down) = (x - Float(left), y - Float(top))
                for channel in channels {
                    let first = level(left, top, channel)
                    let second = level(left + 1, top, channel)
                    let third = level(left, top + 1, channel)
                    let fourth = level(left + 1, top + 1, channel)
                    let upper = first.addingProduct(right, second - first)
                    let lower = third.addingProduct(right, fourth - third)
                    let level = upper.addingProduct(down, lower - upper)
                    let whole = level.rounded(.toNearestOrEven)
                    crop.append(Float(low + step * Double(whole)))
                }
            }
        }
        return crop
    }

    private func level(_ x: Int, _ y: Int, _ channel: Int) -> Float {
        guard x >= 0, y >= 0, x < width, y < height else { return 0 }
        return Float(bytes[y * bytesPerRow + 4 * x + channel])
    }
}

/// Where to look in the next frame: around the joints that are followed, or at all of it.
///
/// - Parameters:
///   - joints: in the upright frame.
///   - width: of the upright frame.
///   - height: of the upright frame.
public func nextRegion(
    joints: [Point], scores: [Float], width: Int, height: Int, rule: Contract.CropRule
) -> Region {
    let whole = Region.whole(width: width, height: height)
    let hips = rule.hips.filter { Double(scores[$0]) >= rule.threshold }
    let shoulders = rule.shoulders.filter { Double(scores[$0]) >= rule.threshold }
    if hips.isEmpty || shoulders.isEmpty { return whole }
    let torso = box((hips + shoulders).map { joints[$0] })
    let followed = joints.indices.filter { Double(scores[$0]) >= rule.threshold }
    let body = box(followed.map { joints[$0] })
    let side = max(rule.bodyMargin * body.side, rule.torsoMargin * torso.side)
    guard side >= rule.smallest, side <= whole.side else { return whole }
    return Region(x: body.x, y: body.y, side: side)
}

/// The middle and longer side of the box around points.
private func box(_ points: [Point]) -> Region {
    let xs = points.map(\.x)
    let ys = points.map(\.y)
    let left = xs.min() ?? 0
    let right = xs.max() ?? 0
    let top = ys.min() ?? 0
    let bottom = ys.max() ?? 0
    return Region(
        x: (left + right) / 2, y: (top + bottom) / 2, side: max(right - left, bottom - top))
}
