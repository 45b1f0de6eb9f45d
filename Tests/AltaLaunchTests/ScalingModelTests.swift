import AltaLaunch
import Foundation
import Testing

/// The model at its limits, and whether it finds again what it was made of.
@Suite struct ScalingModelTests {
    /// A machine like ours, alta-base in bf16.
    static var machine: ScalingModel {
        var model = ScalingModel()
        model.fixedSeconds = 0.03
        model.secondsPerStudy = 0.9
        model.secondsPerPair = 2e-4
        model.backwardShare = 0.5
        model.crowding = 1.04
        model.jitter = 1.01
        model.ownSumSeconds = 0.02
        model.sharedSecondsPerByte = 1.2e-10
        model.sharedLatencySeconds = 2e-6
        model.gradientBytes = 146.4e6
        model.gatheredBytesPerStudy = 43520
        model.wordGradientBytesPerStudy = 84992
        model.costs = StudyCosts(radiographs: 126, shortest: 40, longest: 128)
        return model
    }

    static let endless = ScalingNetwork(name: "endless", bytesPerSecond: 1e30, latencySeconds: 0)

    @Test(arguments: [2, 8, 64, 4096])
    func withoutCostsOfOthersOnlyImbalanceIsLost(ranks: Int) {
        var model = Self.machine
        (model.fixedSeconds, model.crowding, model.jitter) = (0, 1, 1)
        (model.ownSumSeconds, model.sharedSecondsPerByte, model.sharedLatencySeconds) = (0, 0, 0)
        let studies = 4 * ranks
        let step = model.step(ranks: ranks, ranksPerHost: 1, studies: studies, network: Self.endless)
        let ideal = model.aloneSeconds(studies: studies) / Double(ranks)
        let imbalance = model.costs.imbalance(studies: studies, ranks: ranks)
        let lost = model.secondsPerStudy * 4 * (imbalance - 1)
        #expect(ranks == 2 || imbalance > 1)
        #expect(abs(step.seconds - ideal - lost) < 1e-9 * ideal)
        #expect(step.communicationSeconds < 1e-12)
        model.costs = StudyCosts(radiographs: 1, reports: [1])
        let even = model.step(ranks: ranks, ranksPerHost: 1, studies: studies, network: Self.endless)
        #expect(abs(even.seconds / ideal - 1) < 1e-9)
    }

    @Test(arguments: ScalingMode.allCases) func efficiencyIsAtMostOneAndFallsWithRanks(mode: ScalingMode) {
        let network = ScalingNetwork(gigabits: 10)
        let studies = mode == .strong ? 4096 : 4
        let all = ScalingPrediction.ranks.map {
            ScalingPrediction(
                Self.machine, mode: mode, ranks: $0, ranksPerHost: 32, studies: studies, network: network)
        }
        #expect(all.allSatisfy { $0.efficiency > 0 && $0.efficiency <= 1 })
        #expect(zip(all, all.dropFirst()).allSatisfy { $1.efficiency < $0.efficiency + 1e-3 })
        #expect(all.map(\.step.hosts) == [1, 1, 1, 2, 4, 8, 16, 32, 64, 128])
    }

    @Test func fasterNetworksAreNeverSlower() {
        for ranks in ScalingPrediction.ranks {
            for studies in [ranks, 4 * ranks] {
                let steps = ScalingNetwork.predictedGigabits.map {
                    Self.machine.step(
                        ranks: ranks, ranksPerHost: 16, studies: studies,
                        network: ScalingNetwork(gigabits: $0, latencySeconds: 1e-5)
                    ).seconds
                }
                #expect(zip(steps, steps.dropFirst()).allSatisfy { $1 <= $0 }, "\(ranks) ranks")
                #expect(ranks <= 16 || steps[0] > steps[4])
                let latencies = [0, 1e-6, 1e-5, 1e-4].map {
                    Self.machine.step(
                        ranks: ranks, ranksPerHost: 16, studies: studies,
                        network: ScalingNetwork(gigabits: 10, latencySeconds: $0)
                    ).seconds
                }
                #expect(zip(latencies, latencies.dropFirst()).allSatisfy { $0 <= $1 })
            }
        }
    }

    /// What limits is what was made slow.
    @Test func theLimitIsNamed() {
        func limit(_ change: (inout ScalingModel) -> Void, gigabits: Double = 100, latency: Double = 0)
            -> ScalingStep.Part
        {
            var model = Self.machine
            change(&model)
            return ScalingPrediction(
                model, mode: .weak, ranks: 64, ranksPerHost: 8, studies: 4,
                network: ScalingNetwork(gigabits: gigabits, latencySeconds: latency)
            ).limit
        }
        #expect(limit { ($0.secondsPerPair, $0.crowding) = (0, 1) } == .studies)
        #expect(limit { $0.crowding = 2 } == .slowdown)
        #expect(limit { $0.secondsPerPair = 0.01 } == .localLoss)
        #expect(limit { $0.sharedSecondsPerByte = 1e-7 } == .sharedSums)
        #expect(limit({ _ in }, gigabits: 0.1) == .gradientTransfer)
        #expect(limit({ _ in }, latency: 1) == .latency)
        #expect(limit { $0.costs = StudyCosts(radiographs: 0, reports: [1, 1, 1, 1, 1, 1000]) } == .imbalance)
        #expect(limit({ ($0.gradientBytes, $0.gatheredBytesPerStudy) = (1, 1e8) }, gigabits: 1) == .embeddings)
    }

    /// What hides behind the backward sweep costs nothing, but the last bucket always does.
    @Test func theSweepHidesTransfersButForTheLastBucket() {
        func exposed(_ gigabits: Double, hidden: Double) -> Double {
            var model = Self.machine
            model.hiddenShare = hidden
            let network = ScalingNetwork(gigabits: gigabits, latencySeconds: 0)
            return model.step(ranks: 4, ranksPerHost: 1, studies: 16, network: network).communication[.gradientTransfer]
                ?? 0
        }
        let whole = 2.0 * 3 / 4 * 146.4e6 / (1e9 / 8 * 0.94)
        #expect(abs(exposed(1, hidden: 0) - whole) < 1e-9)
        #expect(abs(exposed(1, hidden: 0.2) - (whole - 0.2 * 0.5 * 4 * 0.9)) < 1e-9)
        #expect(abs(exposed(2, hidden: 1) - whole / 2 / 35) < 1e-9)
    }

    /// Least-cost dealing of the plan, done the slow way.
    @Test(arguments: [(7, 3), (64, 16), (256, 64), (100, 7), (5, 8)])
    func imbalanceIsThatOfTheDeal(studies: Int, ranks: Int) {
        let costs = StudyCosts(radiographs: 126, shortest: 40, longest: 128)
        var loads = [Int](repeating: 0, count: ranks)
        let lengths = (0..<studies).map { 126 + 40 + (2 * $0 + 1) * 89 / (2 * studies) }
        for cost in lengths.sorted(by: >) {
            let least = loads.indices.min { loads[$0] < loads[$1] } ?? 0
            loads[least] += cost
        }
        let expected = Double(loads.max() ?? 0) * Double(ranks) / Double(lengths.reduce(0, +))
        #expect(abs(costs.imbalance(studies: studies, ranks: ranks) - expected) < 1e-12)
    }

    /// Synthetic observations of a known machine give its numbers back.
    @Test func calibrationFindsKnownNumbers() {
        let known = Self.machine
        func observation(_ ranks: Int, _ studies: Int) -> ScalingObservation {
            let (share, batch) = (Double(studies) / Double(ranks), Double(studies))
            let slow = ranks > 1 ? known.crowding : 1
            let other = (known.fixedSeconds + known.secondsPerStudy * share) * slow
            let loss = known.secondsPerPair * share * batch * slow
            let imbalance = known.costs.imbalance(studies: studies, ranks: ranks)
            return ScalingObservation(
                ranks: ranks, studies: studies, seconds: 1, meanComputeSeconds: other + loss,
                largestComputeSeconds: (other + loss) * imbalance * (ranks > 1 ? known.jitter : 1), lossSeconds: loss,
                backwardSeconds: other * known.backwardShare, updateSeconds: 0.01,
                communicationSeconds: known.ownSumSeconds, waitSeconds: 0)
        }
        var found = ScalingModel()
        found.costs = known.costs
        found.calibrate(
            [observation(1, 8), observation(1, 4), observation(2, 8)],
            reductions: [
                ReductionTiming(ranks: 2, bytes: 8192, seconds: 2e-6),
                ReductionTiming(ranks: 2, bytes: 8192 + 1e8, seconds: 2e-6 + 1.2e-2),
            ])
        let keys: [KeyPath<ScalingModel, Double>] = [
            \.fixedSeconds, \.secondsPerStudy, \.secondsPerPair, \.backwardShare, \.crowding, \.jitter,
            \.ownSumSeconds, \.sharedSecondsPerByte, \.sharedLatencySeconds,
        ]
        for key in keys { #expect(abs(found[keyPath: key] / known[keyPath: key] - 1) < 1e-6, "\(key)") }
    }

    /// With one batch alone the update is the fixed part; noise gives no negative one.
    @Test func oneBatchOrNoiseGivesNoNonsense() {
        func observation(_ studies: Int, _ seconds: Double) -> ScalingObservation {
            ScalingObservation(
                ranks: 1, studies: studies, seconds: seconds, meanComputeSeconds: seconds,
                largestComputeSeconds: seconds, lossSeconds: 0, backwardSeconds: 0, updateSeconds: 0.1,
                communicationSeconds: 0, waitSeconds: 0)
        }
        for observations in [[observation(4, 2.1)], [observation(4, 2.1), observation(8, 2.0)]] {
            var model = ScalingModel()
            model.calibrate(observations, reductions: [])
            #expect(model.fixedSeconds == 0.1 && model.secondsPerStudy > 0.2)
        }
        var model = ScalingModel()
        model.calibrate([], reductions: [])
        #expect(model == ScalingModel())
    }

    /// Neighbours slow a rank on the host that has most: 3 and 1 ranks are another job than 2 and 2.
    @Test func crowdingIsThatOfTheFullestHost() {
        func observation(_ ranks: Int, hosts: Int = 1, fullest: Int = 1, _ seconds: Double) -> ScalingObservation {
            ScalingObservation(
                ranks: ranks, hosts: hosts, fullestHostRanks: fullest, studies: 4 * ranks, seconds: seconds,
                meanComputeSeconds: seconds, largestComputeSeconds: seconds, lossSeconds: 0, backwardSeconds: 0,
                updateSeconds: 0.1, communicationSeconds: 0, waitSeconds: 0)
        }
        var model = ScalingModel()
        model.calibrate(
            [observation(1, 1), observation(4, hosts: 2, fullest: 3, 2), observation(4, hosts: 2, fullest: 2, 1)],
            reductions: [])
        #expect(abs(model.crowding - 2) < 1e-9, "\(model.crowding)")
    }

    @Test func theNetworkIsFoundInSums() throws {
        let known = ScalingNetwork(name: "measured", bytesPerSecond: 1.2e8, latencySeconds: 4e-5)
        let timings = [8192.0, 1e8].map { bytes in
            ReductionTiming(ranks: 4, bytes: bytes, seconds: 2 * 4e-5 + 2 * 3 / 4 * (bytes - 8192) / 1.2e8)
        }
        let found = try #require(ScalingNetwork.measured(timings, hosts: 4))
        #expect(abs(found.bytesPerSecond / known.bytesPerSecond - 1) < 1e-9)
        #expect(abs(found.latencySeconds / known.latencySeconds - 1) < 1e-9)
        #expect(ScalingNetwork.measured(timings, hosts: 1) == nil)
    }

    @Test func aSavedModelIsReadBack() throws {
        let model = Self.machine
        #expect(try ScalingModel(json: model.json, file: "x") == model)
        for key in ["crowding", "report_tokens", "radiograph_cost"] {
            var object = try #require(model.json.object)
            object[key] = nil
            #expect(throws: (any Error).self) { try ScalingModel(json: .object(object), file: "x") }
            object[key] = -1
            #expect(throws: (any Error).self) { try ScalingModel(json: .object(object), file: "x") }
        }
    }

    @Test func realLengthsAreRead() throws {
        let file = FileManager.default.temporaryDirectory.path + "/alta-reports-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: file) }
        try Data("{\"ids\":[2,9,3]}\n{\"ids\":[2,3]}\n".utf8).write(to: URL(filePath: file))
        #expect(try StudyCosts.load(radiographs: 5, tokenized: file) == StudyCosts(radiographs: 5, reports: [2, 3]))
        let cut = try StudyCosts.load(radiographs: 5, tokenized: file, longest: 2)
        #expect(cut == StudyCosts(radiographs: 5, reports: [2, 2]))
        try Data("{\"ids\":[2,9,3]}\n{\"id\":[2,3]}\n".utf8).write(to: URL(filePath: file))
        #expect { try StudyCosts.load(radiographs: 5, tokenized: file) } throws: { "\($0)".contains("row 2") }
    }
}
