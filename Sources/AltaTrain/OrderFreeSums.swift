import AltaComm
import AltaModel

/// Sums of study losses as int64 fixed point, so that logs are the same at every rank count.
///
/// The unit is 2^-32 (2e-10); a global batch may sum up to 2^31. A value that is not finite is counted apart.
struct OrderFreeSum {
    private(set) var units: Int64 = 0
    private(set) var nonFiniteCount: Int64 = 0

    init(_ values: [Double]) {
        for value in values {
            guard value.isFinite, abs(value) < 0x1p31 else {
                nonFiniteCount += 1
                continue
            }
            units &+= Int64((value * 0x1p32).rounded())
        }
    }

    /// Units and numbers that are not finite of the two losses that are sums over studies, `[4]`: of reconstruction, then
    /// of language. They may be added over ranks.
    static func units(image: [Double], text: [Double]) -> [Int64] {
        [OrderFreeSum(image), OrderFreeSum(text)].flatMap { [$0.units, $0.nonFiniteCount] }
    }

    static func value(_ units: Int64) -> Double { Double(units) * 0x1p-32 }
}

extension Losses {
    /// Collective. The two losses that are sums over the studies of all ranks, each over its global count (0: the loss is 0); a
    /// sum that is not finite gives a loss that is not.
    ///
    /// - Parameters:
    ///   - image: the reconstruction errors of this rank's studies.
    ///   - text: their masked-language errors.
    static func means(
        image: [Double], text: [Double], counts: LossCounts, collectives: any Collectives
    ) throws -> Losses {
        means(units: try collectives.allReduce(OrderFreeSum.units(image: image, text: text), .sum), counts: counts)
    }

    /// The two losses from the sums of all ranks' `OrderFreeSum.units`.
    static func means(units sums: [Int64], counts: LossCounts) -> Losses {
        func mean(_ index: Int, _ count: Int) -> Double {
            guard sums[2 * index + 1] == 0 else { return .nan }
            return count > 0 ? OrderFreeSum.value(sums[2 * index]) / Double(count) : 0
        }
        var losses = Losses()
        losses.imageReconstruction = mean(0, counts.hiddenPatches)
        losses.maskedLanguage = mean(1, counts.maskedTokens)
        return losses
    }
}
