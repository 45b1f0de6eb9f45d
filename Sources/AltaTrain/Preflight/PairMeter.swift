import AltaComm
import AltaCore

/// What lies between two ranks.
package struct PairMeasure: Codable, Equatable {
    /// The two ranks, the lower first.
    var first: Int
    var second: Int
    /// From one to the other, seconds, of the smallest message.
    var latencySeconds: Double
    /// Of large messages, one way at a time.
    var bytesPerSecond: Double

    /// Stores a measure.
    package init(first: Int, second: Int, latencySeconds: Double, bytesPerSecond: Double) {
        self.first = first
        self.second = second
        self.latencySeconds = latencySeconds
        self.bytesPerSecond = bytesPerSecond
    }
}

/// Measures how messages travel between this rank and another one, which calls the same at the same time.
package struct PairMeter {
    let ranks: any PointToPoint
    /// This rank.
    let rank: Int
    /// How long the first message may take: connections are made by it.
    var patienceSeconds: Double
    /// How long one large message and its answer should take.
    var exchangeSeconds = 0.02

    private static let pings = 40
    private static let smallBytes = 8
    private static let probeBytes = 1 << 18
    private static let largestBytes = 8 << 20
    private static let largeExchanges = 3

    /// Two ranks that heard nothing of each other in time.
    package struct Silence: Error {
        package let other: Int
    }

    /// A meter of this rank's messages.
    package init(ranks: any PointToPoint, rank: Int, patienceSeconds: Double) {
        self.ranks = ranks
        self.rank = rank
        self.patienceSeconds = patienceSeconds
    }

    /// Measures with `other`. Not collective: only these two call it.
    ///
    /// - Returns: on the lower rank what was measured, nil on the other.
    /// - Throws: `Silence` where no message came in time, `AltaError` where MPI fails.
    func measure(with other: Int) throws -> PairMeasure? {
        let leads = rank < other
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: PairMeter.largestBytes, alignment: 64)
        var isOver = false
        // What MPI may still write to is not given back.
        defer { if isOver { buffer.deallocate() } }
        buffer.initializeMemory(as: UInt8.self, repeating: 1)
        _ = try exchange(buffer, PairMeter.smallBytes, other, leads)
        let pings = try (0..<PairMeter.pings).map { _ in try exchange(buffer, PairMeter.smallBytes, other, leads) }
        let probes = try (0..<2).map { _ in try exchange(buffer, PairMeter.probeBytes, other, leads) }
        var size = Int64(leads ? PairMeter.size(probeSeconds: probes.min() ?? 1, target: exchangeSeconds) : 0)
        buffer.storeBytes(of: size, as: Int64.self)
        _ = try exchange(buffer, PairMeter.smallBytes, other, leads)
        size = min(max(buffer.load(as: Int64.self), 1), Int64(PairMeter.largestBytes))
        let large = try (0..<PairMeter.largeExchanges).map { _ in try exchange(buffer, Int(size), other, leads) }
        isOver = true
        guard leads, let ping = pings.upperMedian, let best = large.min() else { return nil }
        return PairMeasure(
            first: rank, second: other, latencySeconds: ping / 2, bytesPerSecond: Double(size) / max(best / 2, 1e-9))
    }

    /// The bytes of a message that takes, with its answer, about `target` seconds.
    package static func size(probeSeconds: Double, target: Double) -> Int {
        let bytes = Double(probeBytes) * target / max(probeSeconds, 1e-9)
        return Int(min(max(bytes, Double(probeBytes)), Double(largestBytes)))
    }

    /// One message there and back; its seconds.
    private func exchange(
        _ buffer: UnsafeMutableRawBufferPointer, _ count: Int, _ other: Int, _ leads: Bool
    ) throws -> Double {
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        let start = ContinuousClock.now
        for step in 0..<2 {
            if leads == (step == 0) {
                try wait(try ranks.startSending(UnsafeRawBufferPointer(bytes), to: other), other)
            } else {
                try wait(try ranks.startReceiving(bytes, from: other), other)
            }
        }
        return PhaseClock.seconds(start.duration(to: .now))
    }

    private func wait(_ message: any StartedMessage, _ other: Int) throws {
        let limit = ContinuousClock.now + .seconds(patienceSeconds)
        while try !message.isDone() {
            guard ContinuousClock.now < limit else { throw Silence(other: other) }
        }
    }
}

extension PairMeter {
    /// How far the clock of `other` is ahead of this rank's, from the quickest of some questions. Not collective: the other
    /// calls `answerClock`.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Throws: `Silence` where no answer came in time, `AltaError` where MPI fails.
    func clockOffset(of other: Int, now: () -> Double) throws -> ClockOffset {
        var samples: [ClockOffset] = []
        for _ in 0..<PairMeter.clockQuestions {
            let asked = now()
            let answer = try receiveTime(after: other)
            samples.append(ClockOffset(asked: asked, answer: answer, returned: now()))
        }
        return samples.min { $0.roundTripSeconds < $1.roundTripSeconds } ?? samples[0]
    }

    /// Tells `other` the time as often as it asks; see `clockOffset(of:now:)`.
    func answerClock(to other: Int, now: () -> Double) throws {
        for _ in 0..<PairMeter.clockQuestions {
            try transfer(0, other) { try ranks.startReceiving($0, from: other) }
            try transfer(now(), other) { try ranks.startSending(UnsafeRawBufferPointer($0), to: other) }
        }
    }

    private static let clockQuestions = 7

    private func receiveTime(after other: Int) throws -> Double {
        try transfer(0, other) { try ranks.startSending(UnsafeRawBufferPointer($0), to: other) }
        return try transfer(0, other) { try ranks.startReceiving($0, from: other) }
    }

    @discardableResult
    private func transfer(
        _ value: Double, _ other: Int, _ start: (UnsafeMutableRawBufferPointer) throws -> any StartedMessage
    ) throws -> Double {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: PairMeter.smallBytes, alignment: 8)
        bytes.storeBytes(of: value, as: Double.self)
        try wait(try start(bytes), other)
        defer { bytes.deallocate() }
        return bytes.load(as: Double.self)
    }
}

/// How far another clock is ahead of the one that asked.
package struct ClockOffset: Codable, Equatable {
    /// The other clock minus ours, seconds.
    package var seconds: Double
    /// From the question to the answer: the offset is known to half of that.
    package var roundTripSeconds: Double

    /// From one question: the answer is taken for the middle between the two times.
    package init(asked: Double, answer: Double, returned: Double) {
        seconds = answer - (asked + returned) / 2
        roundTripSeconds = returned - asked
    }
}
