import AltaComm
import AltaCore
import Foundation

/// An element that a test can make from a small number.
protocol CheckedElement: CollectiveElement {
    init(_ value: Int)
}

extension Float: CheckedElement {}
extension Double: CheckedElement {}
extension Int32: CheckedElement {}
extension Int64: CheckedElement {}
extension UInt8: CheckedElement {}
extension UInt64: CheckedElement {}

/// The checks of one rank: every collective against what it must give, computed alone from the ranks' known data.
struct CollectiveChecks {
    let collectives: any Collectives
    /// How many comparisons were made.
    private(set) var count = 0
    /// What did not hold.
    private(set) var failures: [String] = []

    var rank: Int { collectives.rank }
    var rankCount: Int { collectives.rankCount }

    init(_ collectives: any Collectives) {
        self.collectives = collectives
    }

    mutating func run() throws {
        try checkElements(Float.self)
        try checkElements(Double.self)
        try checkElements(Int32.self)
        try checkElements(Int64.self)
        try checkElements(UInt8.self)
        try checkElements(UInt64.self)
        try checkRounding()
        try checkOverflow()
        try checkArrays()
        try checkWrongArguments()
        try checkBarrier()
        try checkGroups()
        try checkBackgroundReductions()
        try checkSharedMemory()
        try checkNodeReductions()
    }

    mutating func expect<T: Equatable>(_ found: T, _ expected: T, _ subject: String) {
        count += 1
        if found != expected { failures.append("\(subject): found \(found), expected \(expected)") }
    }

    /// Checks that `body` throws an `AltaError` that contains the words.
    mutating func expectError(_ words: String, _ body: () throws -> Void) {
        do {
            try body()
            expect("no error", words, "error")
        } catch {
            expect((error as? AltaError)?.description.contains(words), true, "\(error)")
        }
    }

    /// Element `index` of rank `rank`: rank-dependent, and so small that sums over ranks are exact in every type.
    static func value<E: CheckedElement>(_ rank: Int, _ index: Int) -> E {
        E((index * 3 + rank * 5) % 11)
    }

    static func values<E: CheckedElement>(_ rank: Int, count: Int) -> [E] {
        (0..<count).map { value(rank, $0) }
    }

    /// Counts by rank: equal, growing from zero, on one rank alone, nowhere, and more than one small cut.
    var countPatterns: [[Int]] {
        let ranks = 0..<rankCount
        return [
            ranks.map { _ in 5 }, ranks.map { $0 * 4 }, ranks.map { $0 == 0 ? 9 : 0 },
            ranks.map { $0 == rankCount - 1 ? 3 : 0 }, ranks.map { _ in 0 }, ranks.map { 1000 + 37 * $0 },
        ]
    }
}
