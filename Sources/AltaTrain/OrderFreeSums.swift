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

    static func value(_ units: Int64) -> Double { Double(units) * 0x1p-32 }
}
