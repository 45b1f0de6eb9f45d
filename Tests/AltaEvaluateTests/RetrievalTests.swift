import AltaComm
import AltaCore
import AltaEvaluate
import Testing

@Suite struct RetrievalTests {
    /// Sums of at most a hundred probabilities in double precision.
    static let tolerance = 1e-12

    /// Studies to be dealt to ranks.
    struct StudySet: Sendable {
        var images: [[Float]]
        var texts: [[Float]]
        var hashes: [UInt64]

        func evaluate(shares: [[Int]]) throws -> RetrievalResult {
            let results = try ThreadCollectives.run(rankCount: shares.count) { collectives in
                let own = shares[collectives.rank]
                return try Retrieval.evaluate(
                    images: own.flatMap { images[$0] }, texts: own.flatMap { texts[$0] },
                    reportHashes: own.map { hashes[$0] }, width: images[0].count, collectives: collectives)
            }
            #expect(results.allSatisfy { $0 == results[0] })
            return results[0]
        }

        func evaluateAlone() throws -> RetrievalResult { try evaluate(shares: [Array(hashes.indices)]) }
    }

    /// Normal numbers; a study's text is its image plus noise.
    static func noisy(count: Int, noise: Double, reports: Int) -> StudySet {
        let key = RandomKey(seed: 5, purpose: .test)
        func vector(_ study: Int, _ part: UInt64) -> [Double] {
            (0..<11).map { key.child(UInt64(study)).child(part).normal($0) }
        }
        let images = (0..<count).map { vector($0, 0) }
        let texts = (0..<count).map { study in
            zip(images[study], vector(study, 1)).map { $0 + noise * $1 }
        }
        return StudySet(
            images: images.map { $0.map(Float.init) }, texts: texts.map { $0.map(Float.init) },
            hashes: (0..<count).map { UInt64($0 % reports) })
    }

    @Test func perfectEmbeddings() throws {
        let identity = (0..<12).map { i in (0..<12).map { Float($0 == i ? 1 : 0) } }
        let result = try StudySet(images: identity, texts: identity, hashes: Array(0..<12)).evaluateAlone()
        for scores in [result.imageToText, result.textToImage] {
            #expect(scores.recall1 == 1 && scores.recall10 == 1 && scores.medianRank == 1)
        }
        #expect(abs(result.chance.recall1 - 1.0 / 12) < Self.tolerance)
        #expect(abs(result.chance.recall5 - 5.0 / 12) < Self.tolerance)
        #expect(result.chance.medianRank == 6.5 && result.studies == 12)
    }

    /// The direction matters: the two have other ranks.
    @Test func ranksByHand() throws {
        // Rows: images; columns: texts. Image-to-text ranks by row: 1, 2, 3; text-to-image ranks by column: 1, 1, 3.
        let scores: [[Float]] = [[9, 1, 2], [3, 6, 7], [5, 4, 1]]
        let identity: [[Float]] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        let columns = (0..<3).map { j in scores.map { $0[j] } }
        let result = try StudySet(images: identity, texts: columns, hashes: [1, 2, 3]).evaluateAlone()
        #expect(result.imageToText.recall1 == 1.0 / 3 && result.imageToText.medianRank == 2)
        #expect(result.textToImage.recall1 == 2.0 / 3 && result.textToImage.medianRank == 1)
        #expect(result.imageToText.recall5 == 1, "k beyond the number of candidates")
    }

    @Test func equalReportsMatchEachOther() throws {
        // Image 0 prefers text 1; image 1 prefers text 0; alone both are wrong, as duplicates both are right.
        let images: [[Float]] = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        let texts: [[Float]] = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
        let apart = try StudySet(images: images, texts: texts, hashes: [1, 2, 3]).evaluateAlone()
        let alike = try StudySet(images: images, texts: texts, hashes: [1, 1, 3]).evaluateAlone()
        #expect(apart.imageToText.recall1 == 1.0 / 3 && alike.imageToText.recall1 == 1)
        // Of three candidates, two match two of the queries and one matches the third.
        #expect(abs(alike.chance.recall1 - (2.0 / 3 + 2.0 / 3 + 1.0 / 3) / 3) < Self.tolerance)
    }

    @Test(arguments: [12, 3]) func constantEmbeddingsGiveChance(reports: Int) throws {
        var set = Self.noisy(count: 12, noise: 1, reports: reports)
        set.images = Array(repeating: set.images[0], count: 12)
        set.texts = Array(repeating: set.texts[0], count: 12)
        let result = try set.evaluate(shares: [[0, 5], [], Array(1..<5), Array(6..<12)])
        #expect(result.imageToText == result.chance && result.textToImage == result.chance)
    }

    /// Chance against its definition: the mean over random orders of the candidates.
    @Test func chanceIsTheMeanOverRandomOrders() throws {
        let hashes: [UInt64] = [1, 1, 1, 2, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10]
        let vectors = Array(repeating: [Float(1)], count: hashes.count)
        let chance = try StudySet(images: vectors, texts: vectors, hashes: hashes).evaluateAlone().chance
        let draws = 20_000
        var (ranks, hits) = ([Int](), 0)
        for draw in 0..<draws {
            let order = RandomKey(seed: UInt64(draw), purpose: .test).permutation(hashes.count)
            let query = hashes[draw % hashes.count]
            let rank = (order.firstIndex { hashes[$0] == query } ?? 0) + 1
            ranks.append(rank)
            hits += rank <= 5 ? 1 : 0
        }
        // Four standard deviations of a share over 20,000 draws.
        #expect(abs(chance.recall5 - Double(hits) / Double(draws)) < 0.015)
        #expect(abs(chance.medianRank - Double(ranks.sorted()[draws / 2])) <= 0.5)
    }

    @Test func sameAtEveryRankCountAndDeal() throws {
        let set = Self.noisy(count: 37, noise: 1.5, reports: 29)
        let alone = try set.evaluateAlone()
        #expect(alone.imageToText.recall1 > alone.chance.recall1 && alone.imageToText.recall1 < 1)
        for rankCount in 2...4 {
            let dealt = (0..<rankCount).map { Array(stride(from: $0, to: 37, by: rankCount)) }
            #expect(try set.evaluate(shares: dealt) == alone, "\(rankCount) ranks")
        }
        #expect(try set.evaluate(shares: [[36], [], Array(0..<36).reversed()]) == alone)
    }

    @Test func notFiniteNamesTheRank() throws {
        var set = Self.noisy(count: 9, noise: 1, reports: 9)
        set.texts[7][2] = .nan
        let faulty = set
        #expect {
            try faulty.evaluate(shares: [[0, 1, 2], [3, 4], [5, 6, 7, 8]])
        } throws: { error in
            "\(error)".contains("report vector of study 2") && "\(error)".contains("rank 2")
        }
    }

    @Test func noStudies() throws {
        #expect(throws: AltaError.self) {
            try ThreadCollectives.run(rankCount: 2) {
                try Retrieval.evaluate(images: [], texts: [], reportHashes: [], width: 4, collectives: $0)
            }
        }
    }
}
