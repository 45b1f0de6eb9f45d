import AltaCore
import Foundation
import Testing

@Suite("A value that threads change one at a time") struct LockedTests {
    @Test("no change of three threads is lost") func countsWhatThreadsAdd() {
        let counts = Locked<[Int: Int]>([:])
        let ended = DispatchSemaphore(value: 0)
        for _ in 0..<3 {
            Thread.detachNewThread {
                for step in 0..<20_000 { counts.withLock { $0[step % 7, default: 0] += 1 } }
                ended.signal()
            }
        }
        for _ in 0..<3 { ended.wait() }
        #expect(counts.withLock { $0.values.reduce(0, +) } == 60_000)
    }

    @Test("an error of the body leaves the lock free") func freesAfterAnError() {
        struct Fault: Error {}
        let value = Locked(1)
        #expect(throws: Fault.self) {
            try value.withLock { value in
                value = 2
                throw Fault()
            }
        }
        #expect(value.withLock { $0 } == 2)
    }
}
