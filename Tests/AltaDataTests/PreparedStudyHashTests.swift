import AltaCore
import AltaData
import Testing

/// By the hash of its studies a step of one run is held against the same step of another.
@Suite struct PreparedStudyHashTests {
    /// A study all of whose parts can be changed one by one.
    struct Parts {
        var row = 3
        /// Six rows of two.
        var large: [Float] = [0.5, 1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9, 10]
        var views: [[Float]?] = [[1.25], [0.25], nil, [0.75]]
        var orders = [[0, 1], [1, 0], [0, 1], [1, 0]]
        var ids: [Int32] = [2, 7, 8, 3]
        var masked = [1]
        var dropout: UInt64 = 5

        func hash(at position: Int = 0) -> UInt64 {
            func image(_ pixels: [Float], width: Int) -> PlanarImage {
                PlanarImage(channels: 1, height: pixels.count / width, width: width, pixels: pixels)
            }
            return PreparedStudy(
                index: StudyIndex(row), large: image(large, width: 2),
                views: views.map { $0.map { image($0, width: 1) } },
                patchOrders: orders, report: PreparedReport(ids: ids, maskedPositions: masked, maskID: 4),
                dropoutKey: RandomKey(seed: dropout, purpose: .dropout)
            ).hash(at: position)
        }
    }

    @Test func everyPartThatWasDrawnChangesIt() {
        let changes: [(String, (inout Parts) -> Void)] = [
            ("nothing", { _ in }), ("row", { $0.row = 4 }), ("a pixel", { $0.large[1] = 1.0000001 }),
            ("a pixel of the fourth row after it", { $0.large[9] = 8.000001 }),
            ("exchanged pixels", { $0.large.swapAt(0, 1) }), ("another view", { $0.views[3] = [0.5] }),
            ("an absent view", { $0.views[3] = nil }), ("a view in another place", { $0.views.swapAt(2, 3) }),
            ("visible patches", { $0.orders[2] = [1, 0] }), ("patches of another view", { $0.orders.swapAt(0, 1) }),
            ("order of tokens", { $0.ids.swapAt(1, 2) }), ("a token less", { $0.ids.remove(at: 2) }),
            ("another masked token", { $0.masked = [2] }), ("no masked token", { $0.masked = [] }),
            ("dropout", { $0.dropout = 6 }),
        ]
        var names: [UInt64: String] = [:]
        for (name, change) in changes {
            var parts = Parts()
            change(&parts)
            #expect(parts.hash() == parts.hash())
            #expect(names[parts.hash()] == nil, "\(name) is \(names[parts.hash()] ?? "")")
            names[parts.hash()] = name
        }
    }

    @Test func thePlaceInTheGlobalBatchCounts() {
        let hashes = (0..<4).map { Parts().hash(at: $0) } + (0..<4).map { StudyIndex(3).hash(at: $0) }
        #expect(Set(hashes).count == 8)
        // Sums over studies: two that exchange their places give another one.
        let (first, second) = (StudyIndex(1), StudyIndex(2))
        #expect(first.hash(at: 0) &+ second.hash(at: 1) != first.hash(at: 1) &+ second.hash(at: 0))
    }
}
