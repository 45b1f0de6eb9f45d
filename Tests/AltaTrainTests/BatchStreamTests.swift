import AltaCore
import AltaData
import Foundation
import Synchronization
import Testing

@Suite struct BatchStreamTests {
    /// How long something that needs no time may take on a busy machine, in seconds.
    private static let patienceSeconds = 5.0

    /// A study that carries a step's number as its index.
    private static func study(_ step: Int) -> PreparedStudy {
        let image = PlanarImage(channels: 1, height: 1, width: 1, pixels: [0])
        return PreparedStudy(
            index: StudyIndex(step), large: image, views: [image, nil, nil, nil],
            patchOrders: [[Int]](repeating: [0], count: View.count),
            report: PreparedReport(ids: [1, 2], maskedPositions: [], maskID: 0),
            dropoutKey: RandomKey(seed: 0, purpose: .test))
    }

    private static func waits(until condition: () -> Bool) -> Bool {
        let deadline = ContinuousClock.now + .seconds(patienceSeconds)
        while !condition() && ContinuousClock.now < deadline { usleep(1000) }
        return condition()
    }

    @Test func stepsComeInOrderOneAhead() throws {
        let prepared = Mutex<[Int]>([])
        let stream = BatchStream.start(steps: 3..<8) { step in
            prepared.withLock { $0.append(step) }
            return [Self.study(step)]
        }
        for step in 3..<8 {
            #expect(try stream.next().get().map(\.index) == [StudyIndex(step)])
            // Of the steps not yet asked for, one lies ready and one more is under way at most.
            #expect(prepared.withLock { $0.count } <= step - 3 + 3)
        }
        #expect(prepared.withLock { $0 } == [3, 4, 5, 6, 7])
    }

    @Test func aFailureComesInItsStepsPlaceAndEndsTheStream() throws {
        let prepared = Mutex<[Int]>([])
        let stream = BatchStream.start(steps: 0..<5) { step in
            prepared.withLock { $0.append(step) }
            guard step < 2 else { throw AltaError("a fault", file: "x.png") }
            return [Self.study(step)]
        }
        #expect(try stream.next().get().count == 1)
        #expect(try stream.next().get().count == 1)
        #expect(throws: AltaError("a fault", file: "x.png")) { try stream.next().get() }
        usleep(20_000)
        #expect(prepared.withLock { $0 } == [0, 1, 2])
    }

    @Test func cancellingEndsTheThread() throws {
        let prepared = Mutex<[Int]>([])
        let stream = BatchStream.start(steps: 0..<1_000_000) { step in
            prepared.withLock { $0.append(step) }
            return [Self.study(step)]
        }
        _ = stream.next()
        #expect(Self.waits { prepared.withLock { $0.count } >= 3 })
        stream.cancel()
        // What lay ready is still handed over; the room this makes is not used any more.
        #expect(try stream.next().get().map(\.index) == [StudyIndex(1)])
        usleep(50_000)
        #expect(prepared.withLock { $0 } == [0, 1, 2])
    }
}
