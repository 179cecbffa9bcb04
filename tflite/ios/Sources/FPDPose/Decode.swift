import Foundation

/// The joints of one person, in the order of the contract.
public struct Pose: Sendable {
    public var joints: [Point]
    public var scores: [Float]
}

/// Finds each joint: the largest cell, moved by a parabola through the logarithms.
///
/// - Parameter heatmaps: height x width x K.
/// - Returns: joints in pixels of the crop.
public func decode(
    _ heatmaps: [Float], shape: Contract.Heatmaps, rule: Contract.DecodeRule
) -> Pose {
    let count = heatmaps.count / (shape.height * shape.width)
    var pose = Pose(joints: [], scores: [])
    for joint in 0..<count {
        let peak = largest(heatmaps, joint, count)
        let x = peak % shape.width
        let y = peak / shape.width

        func log(_ cell: Int) -> Double {
            Foundation.log(max(Double(heatmaps[cell * count + joint]), rule.logFloor))
        }
        func move(_ step: Int, _ position: Int, _ last: Int) -> Double {
            if position == 0 || position == last { return 0 }
            let before = log(peak - step)
            let after = log(peak + step)
            let bend = before - 2 * log(peak) + after
            if bend >= 0 { return 0 }
            return min(max((before - after) / (2 * bend), -rule.maxMove), rule.maxMove)
        }
        func pixel(_ cell: Double) -> Double {
            Double(shape.stride) * cell + Double(shape.stride - 1) / 2
        }
        let moved = Point(
            x: pixel(Double(x) + move(1, x, shape.width - 1)),
            y: pixel(Double(y) + move(shape.width, y, shape.height - 1)))
        pose.joints.append(moved)
        pose.scores.append(heatmaps[peak * count + joint])
    }
    return pose
}

/// The first of the largest cells.
private func largest(_ heatmaps: [Float], _ joint: Int, _ count: Int) -> Int {
    var best = 0
    for cell in 1..<(heatmaps.count / count)
    where heatmaps[cell * count + joint] > heatmaps[best * count + joint] {
        best = cell
    }
    return best
}
