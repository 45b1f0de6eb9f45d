import AltaLaunch
import Testing

@Suite struct ScalingSweepTests {
    @Test func everyJobIsOnceInARoundAndOnItsCurves() throws {
        let sweep = try FakeSteps.sweep(try FakeSteps.options())
        let shapes = sweep.runs.map { [$0.ranks, $0.threads, $0.studies] }
        #expect(shapes == [[1, 1, 8], [2, 1, 8], [1, 1, 3], [2, 1, 6], [1, 2, 8]])
        #expect(sweep.points.map(\.curve) == [.strong, .strong, .weak, .weak, .wholeNode, .wholeNode])
        #expect(sweep.points[5].run == sweep.runs[1])
        // 6 studies are no timed job of one rank.
        #expect(sweep.referenceBatches == [6])
        #expect(Set(sweep.order(round: 3)) == Set(sweep.runs) && sweep.order(round: 3) != sweep.runs)
        #expect(sweep.order(round: 5) == sweep.runs)
    }

    @Test func ranksAreThoseThatFit() throws {
        let options = try #require(try BenchOptions(arguments: ["--mode", "strong", "--no-whole-nodes"]))
        let sweep = try ScalingSweep.make(options, coresOfHosts: [6, 6]) { ranks, _ in
            ((ranks + 5) / 6, min(ranks, 6), false)
        }
        #expect(sweep.points.map(\.run.ranks) == [1, 2, 4, 8] && sweep.points.map(\.run.hosts) == [1, 1, 1, 2])
        // The second host has 2 of 8.
        #expect(sweep.points.map(\.run.fullestHostRanks) == [1, 2, 4, 6])
        #expect(sweep.points.allSatisfy { $0.run.studies == 32 })
    }

    @Test func tooManyThreadsAreSaid() throws {
        let sweep = try FakeSteps.sweep(try FakeSteps.options("--mode weak --threads-per-rank 2"))
        #expect(sweep.runs.map(\.isOversubscribed) == [false, true])
        #expect(sweep.runs.map(\.threads) == [2, 2])
    }

    @Test func referencesComeFirstAndRoundsAlternate() throws {
        var names: [String] = []
        let options = try FakeSteps.options()
        let sweep = try FakeSteps.sweep(options)
        _ = try SweepMeasurement(sweep, options: options, tell: { _ in }) { request in
            names.append("\(request.run.ranks).\(request.run.threads).\(request.run.studies) \(request.steps)")
            // The untimed step needs no more memory than the job of 3 studies a rank that is held against it.
            #expect(request.microBatch == (request.warmUpSteps == 0 ? 3 : nil))
            return BenchRound(records: [try FakeSteps.record(request.run)], conditions: HostConditions())
        }
        #expect(
            names == [
                "1.1.6 1", "1.1.8 2", "2.1.8 2", "1.1.3 2", "2.1.6 2", "1.2.8 2", "2.1.8 2", "1.1.3 2", "2.1.6 2",
                "1.2.8 2", "1.1.8 2",
            ])
    }

    @Test func wrongOptionsAreUsageErrors() throws {
        for (arguments, part) in [
            (["--ranks", "1,x"], "--ranks is 1,x"), (["--ranks", "0"], "1 or more"), (["--mode", "both?"], "--mode"),
            (["--steps", "0"], "--steps is 0"), (["--rank", "1"], "did you mean --ranks?"), (["more"], "unexpected"),
            (["--network-gbit", "0"], "--network-gbit"), (["--network-gbit", "1e30"], "at most 1000000"),
            (["--mca", "x"], "--mca is x"),
        ] {
            #expect { try BenchOptions(arguments: arguments) } throws: { "\($0)".contains(part) }
        }
        #expect { try FakeSteps.sweep(try FakeSteps.options("--mode strong").with(studies: 1)) } throws: {
            "\($0)".contains("1 studies on 2 ranks")
        }
        #expect(try BenchOptions(arguments: ["--help"]) == nil)
        let quick = try #require(try BenchOptions(arguments: ["--quick", "--steps", "4"]))
        #expect(quick.model == "alta-tiny" && quick.steps == 4 && quick.repeats == 1)
    }

    @Test(arguments: [
        ("cpu  10 1 5 100 50 2 3 4 7 0\ncpu0 1 1 1", 25.0), ("", 0), ("cpu  1 2", 3),
    ]) func busyTicksLeaveOutIdleAndGuests(text: String, ticks: Double) {
        #expect(HostConditions.busyTicks(inStatistics: text) == ticks)
    }
}

extension BenchOptions {
    fileprivate func with(studies: Int) -> BenchOptions {
        var copy = self
        copy.studies = studies
        return copy
    }
}
