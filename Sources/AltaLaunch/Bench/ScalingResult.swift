import AltaCore

/// A place on a curve, measured.
package struct ScalingPoint: Equatable, Sendable {
    /// A median with the smallest and the largest of the rounds.
    package struct Spread: Equatable, Sendable {
        package var median = 0.0
        package var smallest = 0.0
        package var largest = 0.0

        package init(_ values: [Double]) {
            median = ScalingModel.median(values) ?? 0
            smallest = values.min() ?? 0
            largest = values.max() ?? 0
        }
    }

    package var curve: ScalingCurve
    package var run: BenchRun
    package var studiesPerSecond: Spread
    package var secondsPerStep: Spread
    /// Studies a second against the first place of the curve, within a round.
    package var ratio: Spread
    /// The median ratio over that of the cores.
    package var efficiency: Double
    /// The share of a step that ranks spend on communication and waiting, in the mean.
    package var exposedCommunication: Double
    /// The part of it that is known to be waiting.
    package var waiting: Double
    /// Seconds of communication without that waiting, the mean of the ranks.
    package var communicationSeconds: Double
    /// The rank that most often computed longest.
    package var slowestRank: Int
    package var slowestHost: String
    package var loss: Double
    package var hash: String
    package var verdict: BenchVerdict
    /// A step by the model; nil: it does not apply.
    package var predicted: ScalingStep?

    /// Seconds of a step by the model; nil: it does not apply.
    package var predictedSeconds: Double? { predicted?.seconds }
    /// How far the model is off.
    package var modelError: Double? { predictedSeconds.map { $0 / secondsPerStep.median - 1 } }
}

/// What a sweep came to: a pure function of what was measured.
package struct ScalingResult: Equatable, Sendable {
    package var measurement: SweepMeasurement
    package var points: [ScalingPoint]
    package var model: ScalingModel
    /// Between the hosts of the sweep; nil: one host.
    package var network: ScalingNetwork?
    /// Whether the model was fitted to another result than this.
    package var isModelForeign: Bool

    /// Whether every job computed what one rank computes.
    package var isValid: Bool { points.allSatisfy(\.verdict.isValid) }

    /// The model's errors at all places where it applies.
    package var modelErrors: [Double] { points.compactMap(\.modelError) }

    /// - Parameters:
    ///   - model: whose predictions are held against what was measured.
    ///   - isModelForeign: whether it was fitted to another result.
    ///   - network: between the hosts; nil: one host.
    ///   - threads: of the ranks to which the model applies.
    package init(
        _ measurement: SweepMeasurement, model: ScalingModel, isModelForeign: Bool, network: ScalingNetwork?,
        threads: Int
    ) {
        self.measurement = measurement
        self.model = model
        self.network = network
        self.isModelForeign = isModelForeign
        points = measurement.sweep.points.map { place in
            let base = measurement.sweep.points.first { $0.curve == place.curve }?.run ?? place.run
            return Self.point(place, base: base, measurement)
        }
        for index in points.indices {
            points[index].predicted = predicted(points[index].run, threads: threads)
        }
    }

    private func predicted(_ run: BenchRun, threads: Int) -> ScalingStep? {
        guard run.threads == threads, !run.isOversubscribed, run.hosts == 1 || network != nil else { return nil }
        let network = network ?? ScalingNetwork(gigabits: 1)
        return model.step(
            ranks: run.ranks, ranksPerHost: run.fullestHostRanks, studies: run.studies, network: network)
    }

    private static func point(
        _ place: ScalingSweep.Point, base: BenchRun, _ measurement: SweepMeasurement
    ) -> ScalingPoint {
        let rounds = measurement.rounds[place.run] ?? []
        let records = rounds.flatMap(\.records)
        let ratios = zip(rounds, measurement.rounds[base] ?? []).map { $0.studiesPerSecond / $1.studiesPerSecond }
        let cores = Double(place.run.ranks * place.run.threads) / Double(base.ranks * base.threads)
        let ratio = ScalingPoint.Spread(ratios)
        let slowest = records.map(\.slowestRank)
        let rank = Set(slowest).sorted().max { one, other in
            slowest.count { $0 == one } < slowest.count { $0 == other }
        }
        let oneRank = measurement.oneRank(studies: place.run.studies).flatMap { measurement.rounds[$0]?.first?.records }
        return ScalingPoint(
            curve: place.curve, run: place.run, studiesPerSecond: .init(rounds.map(\.studiesPerSecond)),
            secondsPerStep: .init(rounds.map(\.seconds)), ratio: ratio, efficiency: ratio.median / cores,
            exposedCommunication: ScalingModel.median(records.map { $0.communicationSeconds / $0.seconds }) ?? 0,
            waiting: ScalingModel.median(records.map { $0.waitSeconds / $0.seconds }) ?? 0,
            communicationSeconds: ScalingModel.median(records.map { $0.communicationSeconds - $0.waitSeconds }) ?? 0,
            slowestRank: rank ?? 0,
            slowestHost: records.first { $0.slowestRank == rank }?.slowestHost ?? "",
            loss: records.last?.loss ?? 0, hash: records.last?.resultHash ?? "",
            verdict: .judge(
                place.run, rounds: rounds.map(\.records), oneRank: oneRank ?? [],
                reference: measurement.references[place.run.studies]))
    }
}

extension ScalingModel {
    /// A model with the sizes of a sweep's jobs and seconds fitted to them, those with too many threads for the cores left out.
    ///
    /// - Parameters:
    ///   - threads: of a rank that is predicted.
    ///   - reductions: of the ranks of one host.
    package init(_ measurement: SweepMeasurement, threads: Int, reductions: [ReductionTiming]) {
        self.init()
        let runs = measurement.sweep.runs.filter { $0.threads == threads && !$0.isOversubscribed }
        if let record = runs.compactMap({ measurement.records($0).first }).max(by: { $0.studies < $1.studies }) {
            gradientBytes = record.gradientBytes
            gatheredBytesPerStudy = record.gatheredBytes / Double(record.studies)
            wordGradientBytesPerStudy = record.wordGradientBytes / Double(record.studies)
            costs = StudyCosts(
                radiographs: record.radiographCost, shortest: record.shortestReport, longest: record.longestReport)
        }
        calibrate(runs.compactMap { Self.observation($0, measurement.records($0)) }, reductions: reductions)
    }

    private static func observation(_ run: BenchRun, _ records: [StepRecord]) -> ScalingObservation? {
        guard !records.isEmpty else { return nil }
        func middle(_ value: (StepRecord) -> Double) -> Double { median(records.map(value)) ?? 0 }
        return ScalingObservation(
            ranks: run.ranks, hosts: run.hosts, fullestHostRanks: run.fullestHostRanks, studies: run.studies,
            seconds: middle(\.seconds),
            meanComputeSeconds: middle(\.meanComputeSeconds), largestComputeSeconds: middle(\.largestComputeSeconds),
            lossSeconds: middle(\.lossSeconds), backwardSeconds: middle(\.backwardSeconds),
            updateSeconds: middle(\.updateSeconds), communicationSeconds: middle(\.communicationSeconds),
            waitSeconds: middle(\.waitSeconds))
    }
}
