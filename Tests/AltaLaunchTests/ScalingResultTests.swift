import AltaCore
import AltaLaunch
import Foundation
import FoundationXML
import Testing

/// What a sweep comes to: validity, numbers, JSON and plot.
@Suite struct ScalingResultTests {
    @Test func equalBitsAreValid() throws {
        let result = try FakeSteps.result()
        #expect(result.isValid)
        #expect(result.points.map(\.verdict.text)[1] == "3 steps equal to one rank's, bit for bit")
        #expect(result.points.map(\.verdict.text)[3] == "first step equal to one rank's, bit for bit")
        #expect(!result.table.joined().contains("INVALID") && !result.measurement.isNoisy)
    }

    /// Each of these must be found, on the job that it is on.
    @Test(arguments: [
        ("first_hash", JSONValue.string("other"), 2, 8, "first step's losses or gradient differ"),
        ("result_hash", "other", 2, 8, "step 1: losses or gradient differ"),
        ("first_hash", "other", 2, 6, "first step's losses or gradient differ"),
        ("studies", 7, 2, 8, "with 7 studies"), ("ranks", 1, 2, 6, "ran as 1 ranks"),
        ("threads", 3, 1, 3, "x 3 threads"),
    ])
    func aDifferingJobIsInvalid(key: String, value: JSONValue, ranks: Int, studies: Int, text: String) throws {
        let result = try FakeSteps.result { line, run, round in
            if run.ranks == ranks, run.studies == studies, run.threads == 1, round == 2 { line[key] = value }
        }
        #expect(!result.isValid)
        for point in result.points {
            let isOwn = point.run.ranks == ranks && point.run.studies == studies && point.run.threads == 1
            #expect(point.verdict.isValid != isOwn, "\(point.run.name): \(point.verdict.text)")
            if isOwn { #expect(point.verdict.text.contains(text), "\(point.verdict.text)") }
        }
        #expect(result.table.contains { $0.contains("INVALID: \(ranks) rank") })
        let svg = ScalingPlot(result: result, setting: try Self.setting()).svg
        #expect(svg.contains("INVALID: some job") && svg.contains("stroke=\"#c00000\""))
        #expect(result.json(setting: try Self.setting(), predictions: [])["valid"] == false)
    }

    /// A reference that differs makes the jobs invalid that are held against it, and no others.
    @Test func aDifferingReferenceIsSeen() throws {
        let result = try FakeSteps.result { line, _, round in if round == 0 { line["first_hash"] = "other" } }
        #expect(result.points.map(\.verdict.isValid) == [true, true, true, false, true, true])
    }

    /// Where bits are not kept, or kernels differ, losses may differ a little.
    @Test(arguments: [("keeps_bits", JSONValue.bool(false)), ("kernels", "another")], [(6.503, true), (6.51, false)])
    func lossesDecideWhereBitsAreNotKept(change: (String, JSONValue), loss: (Double, Bool)) throws {
        let result = try FakeSteps.result { line, run, _ in
            guard run.ranks == 2 else { return }
            line[change.0] = change.1
            line["first_hash"] = "other"
            line["first_loss"] = .number(loss.0)
        }
        #expect(result.isValid == loss.1)
        #expect(result.points[1].verdict.text.contains("one rank's"))
    }

    @Test func ratiosAreTakenWithinARound() throws {
        // The machine is three times slower in the second round: ratios do not see it, medians of rates do.
        let result = try FakeSteps.result { line, run, round in
            let seconds = line["seconds_per_step"]?.double ?? 0
            if round == 2 { line["seconds_per_step"] = .number(3 * seconds) }
        }
        let point = result.points[1]
        let expected = (0.5 * 8 + 0.2) / (0.5 * 4 + 0.2)
        #expect(abs(point.ratio.median - expected) < 1e-9 && abs(point.ratio.largest - expected) < 1e-9)
        #expect(abs(point.efficiency - expected / 2) < 1e-9)
        #expect(point.studiesPerSecond.smallest * 3 - point.studiesPerSecond.largest < 1e-9)
        #expect(abs(point.exposedCommunication - (0.1 / 2.2 + 0.1 / 6.6) / 2) < 1e-9)
        #expect(point.slowestRank == 1)
    }

    @Test func theModelAppliesWhereItWasMadeFor() throws {
        let result = try FakeSteps.result()
        #expect(result.points.map { $0.predictedSeconds != nil } == [true, true, true, true, false, true])
        let alone = try #require(result.points[0].modelError)
        #expect(abs(alone) < 0.05, "\(alone)")
        #expect(result.notes.contains { $0.contains("fitted to these jobs") })
    }

    @Test func aNoisyMachineIsSaid() throws {
        let result = try FakeSteps.result(busyCores: 1.5)
        #expect(result.notes.contains { $0.hasPrefix("NOISY") })
        #expect(result.json(setting: try Self.setting(), predictions: [])["noisy"] == true)
        #expect(ScalingPlot(result: result, setting: try Self.setting()).svg.contains("NOISY"))
    }

    @Test func theFileHasItsKeys() throws {
        let result = try FakeSteps.result()
        let predictions = ScalingPrediction.all(
            result.model, ranksPerHost: 32, studiesPerRank: 4, globalBatch: 64, latencySeconds: nil)
        let written = try result.json(setting: try Self.setting(), predictions: predictions).text(.pretty)
        let json = try JSONValue(parsing: written)
        for key in [
            "format", "valid", "noisy", "host", "hosts", "cores", "system", "worker_hash", "kernels", "transport",
            "precision", "model_name", "threads_per_rank", "studies_per_rank", "steps", "repeats", "model",
            "model_error",
        ] { #expect(json[key] != nil, "\(key)") }
        let points = try #require(json["points"]?.array)
        #expect(points.count == 6)
        for key in [
            "curve", "ranks", "hosts", "threads", "studies", "oversubscribed", "efficiency", "exposed_communication",
            "waiting", "slowest_rank", "slowest_host", "loss", "result_hash", "valid", "validity", "rounds",
            "predicted_seconds", "model_error",
        ] { #expect(points.allSatisfy { $0[key] != nil }, "\(key)") }
        for key in ["studies_per_second", "seconds_per_step", "ratio"] {
            for part in ["median", "smallest", "largest"] { #expect(points[1][key]?[part]?.double ?? 0 > 0) }
        }
        #expect(points[0]["rounds"]?.array?.first?["seconds_per_step"]?.array?.count == 2)
        #expect(try ScalingModel(json: try #require(json["model"]), file: "x") == result.model)
        // 5 networks; weak 10 numbers of ranks, strong those up to 64.
        #expect(json["predictions"]?.array?.count == 5 * (10 + 4))
        #expect(json["predictions"]?.array?.first?["limit"]?.string != nil)
    }

    @Test func thePlotIsWellFormedAndHoldsEveryPoint() throws {
        let result = try FakeSteps.result()
        let svg = ScalingPlot(result: result, setting: try Self.setting()).svg
        let reader = PlotReader()
        let parser = XMLParser(data: Data(svg.utf8))
        parser.delegate = reader
        #expect(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "")")
        for point in result.points {
            let own = reader.titles.filter { $0.hasPrefix("\(point.curve.title): \(point.run.name): ") }
            #expect(own.count == 2, "\(point.run.name)")
            #expect(own.contains { $0.contains("studies/s") } && own.contains { $0.contains("efficiency") })
        }
        #expect(reader.smallestFont >= 12)
        for text in ["studies per second", "ranks (log scale)", "share of perfect scaling (%)", "ideal", "model"] {
            #expect(reader.texts.contains(text), "\(text)")
        }
        #expect(reader.texts.contains { $0.contains("on a<b>&\"c (2 cores)") })
        #expect(reader.isInside)
    }

    static func setting() throws -> BenchSetting {
        BenchSetting(host: "a<b>&\"c", cores: 2, options: try FakeSteps.options())
    }
}

/// Collects what a plot shows.
private final class PlotReader: NSObject, XMLParserDelegate {
    var titles: [String] = []
    var texts: Set<String> = []
    var smallestFont = Double.infinity
    var isInside = true
    private var text = ""

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        text = ""
        if let size = attributes["font-size"].flatMap({ Double($0) }) { smallestFont = min(smallestFont, size) }
        if name == "circle", let x = attributes["cx"].flatMap({ Double($0) }),
            let y = attributes["cy"].flatMap({ Double($0) })
        {
            isInside = isInside && (0...1040).contains(x) && (0...580).contains(y)
        }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        if name == "title" { titles.append(text) }
        if name == "text" { texts.insert(text) }
    }
}
