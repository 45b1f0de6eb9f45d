import AltaCore
import AltaTensor

extension ProductPeak {
    /// Multiplies for `seconds` at least, as a step would.
    ///
    /// - Returns: 10^9 operations a second over all that time, and of the fastest product: where another process has a part
    ///   of the core's time, the first falls and the second does not.
    func sustained(_ engine: Engine, seconds: Double) -> (sustained: Double, best: Double) {
        var operations = 0.0
        var taken = 0.0
        var best = 0.0
        for shape in shapes {
            engine.scratch.scoped {
                let weight = engine.scratch.matrix(shape.outputs, shape.inputs)
                weight.fill(0.5)
                let numbers = engine.scratch.matrix(rows, shape.inputs)
                numbers.fill(0.25)
                let x = engine.inFormat(.full(numbers))
                let y = engine.scratch.operand(rows, shape.outputs, engine.format)
                let packed = engine.pack(weight, directions: .forward)
                // The first product makes its primitive.
                engine.forward(x, packed, bias: nil, into: y)
                let one = 2 * Double(rows) * Double(shape.outputs) * Double(shape.inputs)
                let limit = taken + seconds / Double(shapes.count)
                while taken < limit {
                    let time = PhaseClock.seconds(
                        ContinuousClock().measure { engine.forward(x, packed, bias: nil, into: y) })
                    operations += one
                    taken += time
                    best = max(best, one / max(time, 1e-9))
                }
            }
        }
        return (operations * 1e-9 / max(taken, 1e-9), best * 1e-9)
    }
}

/// Whether all ranks multiply equally fast: the slowest decides the speed of a step.
package enum SpeedCheck {
    static let name = "speed"
    /// A rank below this part of the median is told.
    static let slowShare = 0.8

    /// What a rank measured, while all others did so too; 10^9 operations a second.
    package struct Rate: Codable, Equatable {
        /// Over all the time.
        var sustained: Double
        /// Of the fastest product.
        var best: Double

        /// Stores the rates.
        package init(sustained: Double, best: Double) {
            self.sustained = sustained
            self.best = best
        }
    }

    package static func judge(_ reports: RankReports<Rate>) -> [CheckFinding] {
        let rates = reports.facts.map { $0?.sustained ?? 0 }
        guard let median = rates.upperMedian, let least = rates.min(), let most = rates.max(), median > 0 else {
            return []
        }
        let values: JSONObject = [
            "median_gflops": .number(median), "least_gflops": .number(least), "most_gflops": .number(most),
            "gflops": .array(rates.map(JSONValue.number)),
        ]
        let slow = rates.indices.filter { rates[$0] < slowShare * median }
        guard !slow.isEmpty else {
            return [
                .ok(
                    name,
                    "\(number(least)) to \(number(most)) GFLOP/s of matrix products a rank, all ranks at once",
                    values: values)
            ]
        }
        return RankList.byHost(slow, hosts: reports.hosts).map { host, ranks in
            let own = ranks.map { rates[$0] / median }
            let range = own.count == 1 ? share(own[0]) : "\(share(own.min() ?? 0)) to \(share(own.max() ?? 0))"
            let isBusy = ranks.allSatisfy { rank in
                reports.facts[rank].map { $0.best > 0 && $0.sustained < slowShare * $0.best } ?? false
            }
            return .note(
                name,
                "\(RankList.text(ranks)) on \(host): matrix products at \(range) of the median rank's \(number(median)) GFLOP/s"
                    + (isBusy ? ", and at times as fast as others" : ""),
                remedy: isBusy
                    ? "something else uses its core: look with `top` on \(host), or leave that host out"
                    : "look for another kind of processor, a power limit or heat on \(host), or leave that host out",
                values: values)
        }
    }

    private static func number(_ rate: Double) -> String { ProgressLine.fixed(rate, rate < 10 ? 1 : 0) }
    private static func share(_ value: Double) -> String { ProgressLine.fixed(value, 2) }
}
