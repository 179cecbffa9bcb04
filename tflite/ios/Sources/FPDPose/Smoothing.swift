import Foundation

/// Joints over time: the one-euro filter (Casiez, Roussel and Vogel, CHI 2012).
public final class OneEuro {
    private struct Known {
        let at: Point
        let speed: Point
    }

    private let rule: Contract.SmoothingRule
    private let threshold: Double
    private var seconds = Double.nan
    private var known: [Known?] = []

    public init(rule: Contract.SmoothingRule, threshold: Double) {
        self.rule = rule
        self.threshold = threshold
    }

    /// Starts anew.
    public func forget() {
        known = []
    }

    /// Smoothed joints. A joint that is not followed starts anew, and so does everything where
    /// the time is not later than the last frame's.
    ///
    /// - Parameters:
    ///   - seconds: time of the frame.
    ///   - side: of the crop the joints were found in, pixels.
    public func smooth(
        joints: [Point], scores: [Float], seconds: Double, side: Double
    ) -> [Point] {
        let period = seconds - self.seconds
        let last = period > 0 ? known : []
        self.seconds = seconds
        known = joints.indices.map { i -> Known? in
            guard Double(scores[i]) >= threshold else { return nil }
            guard i < last.count, let before = last[i] else {
                return Known(at: joints[i], speed: Point(x: 0, y: 0))
            }
            return filtered(joints[i], before, period, side)
        }
        return joints.indices.map { known[$0]?.at ?? joints[$0] }
    }

    private func filtered(
        _ joint: Point, _ last: Known, _ period: Double, _ side: Double
    ) -> Known {
        let newest = Point(
            x: (joint.x - last.at.x) / period, y: (joint.y - last.at.y) / period)
        let speed = mix(newest, last.speed, weight(rule.derivativeCutoff, period))
        let length = (speed.x * speed.x + speed.y * speed.y).squareRoot()
        let cutoff = rule.minCutoff + rule.beta * length / side
        return Known(at: mix(joint, last.at, weight(cutoff, period)), speed: speed)
    }

    private func mix(_ now: Point, _ before: Point, _ share: Double) -> Point {
        Point(
            x: share * now.x + (1 - share) * before.x,
            y: share * now.y + (1 - share) * before.y)
    }

    /// Share of the new value in a low-pass filter, cut-off in Hz, period in s.
    private func weight(_ cutoff: Double, _ period: Double) -> Double {
        1 / (1 + 1 / (2 * Double.pi * cutoff * period))
    }
}
