import AltaFormats
import AltaTestSupport
import Foundation
import Testing

extension ComparedJobs {
    /// `alta-worker verify`: the fixtures pass however their studies are split, and what is off is found.
    @Suite struct Verify {
        static func run(
            _ fixture: String, ranks: Int, microBatch: Int = 0, precision: String = "fp32", dump: String? = nil
        ) throws -> JobOutcome {
            let options =
                ["--micro-batch", "\(microBatch)", "--precision", precision] + (dump.map { ["--dump", $0] } ?? [])
            return try JobRunner.run("alta-worker", ranks: ranks, ["verify", fixture] + options)
        }

        @Test(arguments: ["tiny.safetensors", "wide.safetensors", "mrm.safetensors"], ["fp32", "bf16"])
        func fixturesPassWithEqualDumpsAtAnyRankCountAndMicroBatch(name: String, precision: String) throws {
            let folder = try SharedMaterial.temporaryFolder("dumps")
            defer { try? FileManager.default.removeItem(atPath: folder) }
            var first: Data?
            for (ranks, microBatch) in precision == "fp32" ? Contract.matrix : Contract.diagonal {
                let dump = "\(folder)/\(ranks)-\(microBatch).safetensors"
                let outcome = try Self.run(
                    SharedMaterial.fixture(name), ranks: ranks, microBatch: microBatch, precision: precision,
                    dump: dump)
                expectDone(outcome)
                #expect(outcome.output.contains("verified: everything within tolerance"))
                let bytes = try Data(contentsOf: URL(filePath: dump))
                #expect(bytes == first ?? bytes, "\(ranks) ranks, micro-batch \(microBatch)")
                first = first ?? bytes
            }
        }

        @Test func theDumpHoldsEverythingUnderTheFixturesNames() throws {
            let folder = try SharedMaterial.temporaryFolder("dump")
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let path = SharedMaterial.fixture("tiny.safetensors")
            expectDone(try Self.run(path, ranks: 2, dump: "\(folder)/dump.safetensors"))
            let expected = try SafetensorsFile(path: path)
            let dump = try SafetensorsFile(path: "\(folder)/dump.safetensors")
            let groups = ["losses/", "embeddings/", "gradients/", "inference/", "stepped/"]
            let names = expected.names.filter { name in groups.contains { name.hasPrefix($0) } }
            #expect(names.count > 50)
            for name in names where name != "embeddings/words" {
                #expect(dump.contains(name), "\(name)")
                if dump.contains(name) {
                    #expect(try dump.tensor(name).shape == expected.tensor(name).shape, "\(name)")
                }
            }
        }

        @Test(arguments: [
            ("gradients/norm.weight", Float(1.01)), ("losses/masked_language", 1.0001),
            ("losses/local_contrastive", 0.9999), ("stepped/cls_token", 1.001), ("embeddings/image_local", 1.0001),
            ("inference/text", 1.0001),
        ])
        func aQuantityThatIsOffIsNamed(name: String, factor: Float) throws {
            let fixture = try ModifiedFixture.make(of: "tiny.safetensors", factors: [name: factor])
            defer { fixture.remove() }
            let outcome = try Self.run(fixture.path, ranks: 2)
            #expect(outcome.exitCode == 1)
            let failing = outcome.output.split(separator: "\n").filter { $0.hasSuffix("FAILED") }
            #expect(failing.count == 1 && failing.first?.hasPrefix(name) == true, "\(outcome.output)")
            #expect(outcome.output.contains("FAILED: "))
        }

        /// A gradient that points elsewhere, and a loss that is 5 % off, are more than bf16 explains.
        @Test func whatIsOffInHalfPrecisionIsNamed() throws {
            let factors: [String: Float] = ["gradients/norm.weight": -1, "losses/masked_language": 1.05]
            let fixture = try ModifiedFixture.make(of: "tiny.safetensors", factors: factors)
            defer { fixture.remove() }
            let outcome = try Self.run(fixture.path, ranks: 2, precision: "bf16")
            #expect(outcome.exitCode == 1)
            let failing = outcome.output.split(separator: "\n").filter { $0.hasSuffix("FAILED") }
            #expect(failing.count == 2, "\(outcome.output)")
            for name in factors.keys { #expect(failing.contains { $0.hasPrefix(name) }, "\(name)") }
            // Every cosine is told, and their median.
            #expect(outcome.output.split(separator: "\n").count { $0.contains(" cos ") } > 90)
            #expect(outcome.output.contains("gradients/median"))
        }

        @Test(arguments: ["gradients/norm.weight", "losses/masked_language", "batch/noise", "weights/norm.weight"])
        func aQuantityThatIsMissingIsNamed(name: String) throws {
            let fixture = try ModifiedFixture.make(of: "tiny.safetensors", leavingOut: [name])
            defer { fixture.remove() }
            expectFault(
                try Self.run(fixture.path, ranks: 2), [String(name.split(separator: "/")[1]), fixture.path])
        }

        /// Each by itself; the last is a gradient that is zero but for rounding: times 1e4 it is 0.3 % of the queries'.
        @Test func whatIsOffInPretrainingIsNamed() throws {
            let layer = "gradients/bert_encoder.model.bert.encoder.layer.0"
            let factors: [String: Float] = [
                "gradients/bert_mlp.weight": 1.01, "gradients/patch_embed.proj.bias": 0.99,
                "losses/image_reconstruction": 1.0001, "stepped/decoder_pred.weight": 1.001,
                "\(layer).attention.self.key.bias": 1e4,
            ]
            let fixture = try ModifiedFixture.make(of: "mrm.safetensors", factors: factors)
            defer { fixture.remove() }
            let outcome = try JobRunner.runAlone("alta-worker", ["verify", fixture.path])
            #expect(outcome.exitCode == 1)
            let failing = outcome.output.split(separator: "\n").filter { $0.hasSuffix("FAILED") }
            #expect(failing.count == factors.count, "\(outcome.output)")
            for name in factors.keys {
                #expect(failing.contains { $0.contains(name.suffix(30)) }, "\(name)")
            }
        }

        @Test(arguments: ["gradients/patch_embed.proj.weight", "weights/bert_mlp.bias"])
        func whatIsMissingInPretrainingIsNamed(name: String) throws {
            let fixture = try ModifiedFixture.make(of: "mrm.safetensors", leavingOut: [name])
            defer { fixture.remove() }
            expectFault(
                try JobRunner.runAlone("alta-worker", ["verify", fixture.path]),
                [String(name.split(separator: "/")[1]), fixture.path])
        }

        @Test func aFileThatIsNoFixtureIsRefused() throws {
            let path = SharedMaterial.fixture("transforms.safetensors")
            expectFault(try Self.run(path, ranks: 2), ["not a fixture", path])
            expectFault(try Self.run("/nowhere/f.safetensors", ranks: 2), ["/nowhere/f.safetensors"])
        }

        @Test(arguments: [0, 7, 500, 100_000]) func aTruncatedFixtureIsRefused(byteCount: Int) throws {
            let whole = try Data(contentsOf: URL(filePath: SharedMaterial.fixture("tiny.safetensors")))
            try #require(whole.count > byteCount)
            let fixture = try ModifiedFixture.make(bytes: whole.prefix(byteCount))
            defer { fixture.remove() }
            expectFault(try Self.run(fixture.path, ranks: 2), [fixture.path])
        }

        @Test(arguments: [
            (["verify", "FIXTURE", "--precision", "fp16"], "fp16"), (["verify", "FIXTURE", "--dumb", "x"], "--dump"),
            (["verify", "FIXTURE", "--micro-batch", "-1"], "--micro-batch"), (["verify"], "FIXTURE"),
            (["verif", "FIXTURE"], "verify"), (["align", "--sett", "seed=1"], "--set"),
        ])
        func wrongUsageIsTold(arguments: [String], part: String) throws {
            let real = arguments.map { $0 == "FIXTURE" ? SharedMaterial.fixture("tiny.safetensors") : $0 }
            expectFault(try JobRunner.run("alta-worker", ranks: 2, real), [part], exitCode: 2)
        }
    }
}
