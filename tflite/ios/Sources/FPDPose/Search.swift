import Foundation

/// Where to look for a person: for each of the contract's sides, shares of the frame's longer
/// side, squares that stand evenly from edge to edge, half a side apart or less, row by row.
/// A network without hips or shoulders looks at the whole frame: nobody can be followed.
///
/// - Parameters:
///   - width: of the upright frame.
///   - height: of the upright frame.
public func squares(width: Int, height: Int, contract: Contract) -> [Region] {
    if contract.crop.hips.isEmpty || contract.crop.shoulders.isEmpty {
        return [Region.whole(width: width, height: height)]
    }
    return contract.search.sides.flatMap { share -> [Region] in
        let side = share * Double(max(width, height))
        return centres(height, side).flatMap { y in
            centres(width, side).map { x in Region(x: x, y: y, side: side) }
        }
    }
}

private func centres(_ length: Int, _ side: Double) -> [Double] {
    let first = (side - 1) / 2
    let last = Double(length) - (side + 1) / 2
    if last <= first { return [Double(length - 1) / 2] }
    let steps = Int(((last - first) / (side / 2)).rounded(.up))
    return (0...steps).map { first + Double($0) * (last - first) / Double(steps) }
}
