import AltaCore
import AltaData
import Testing

@Suite struct WordPieceTrainerTests {
    static let reports = [
        "The lungs are clear. No pleural effusion or pneumothorax.", "Lungs are clear bilaterally.",
        "Small left pleural effusion; lungs otherwise clear.", "No pneumothorax. Caf\u{E9} \u{6F22}\u{5B57}.",
        "Cardiomegaly with pleural effusions.",
    ]

    func vocabulary(_ reports: [String], size: Int) throws -> [String] {
        var trainer = WordPieceTrainer()
        for report in reports { trainer.add(report) }
        return try trainer.train(size: size)
    }

    @Test func specialsCharactersThenMerges() throws {
        let tokens = try vocabulary(Self.reports, size: 220)
        #expect(Array(tokens.prefix(5)) == WordPieceTestVocabulary.specials)
        #expect(tokens.count <= 220)
        #expect(Set(tokens).count == tokens.count)
        for token in ["q", "##q", "7", "##7", "?", "\u{6F22}", "lungs", "clear", "pleural"] {
            #expect(tokens.contains(token), "\(token)")
        }
        #expect(!tokens.contains("##?") && !tokens.contains("##\u{6F22}") && !tokens.contains("A"))
    }

    /// Specials and single characters: what is there before any merge.
    func characterCount() throws -> Int { try vocabulary(["a"], size: 2000).count }

    @Test func theMostFrequentPairIsMergedFirst() throws {
        // ab is seen 3 times; x ##c and ##c ##d twice, of which the pair of the older symbol comes first; xy once.
        let tokens = try vocabulary(["ab ab ab xcd xcd xy"], size: 2000)
        #expect(try Array(tokens.dropFirst(characterCount())) == ["ab", "xc", "xcd"])
    }

    @Test func mergingUpdatesTheNeighbours() throws {
        // ##a ##a stands 4 times and is merged to a ##aa ##a; then a ##aa and ##aa ##a tie.
        let tokens = try vocabulary(["aaaa aaaa"], size: 2000)
        #expect(try Array(tokens.dropFirst(characterCount())) == ["##aa", "aaa", "aaaa"])
    }

    @Test func theOrderOfReportsDoesNotMatter() throws {
        let tokens = try vocabulary(Self.reports, size: 200)
        #expect(try vocabulary(Self.reports.reversed(), size: 200) == tokens)
        #expect(try vocabulary(Self.reports, size: 190) == Array(tokens.prefix(190)))
    }

    @Test func ordinaryTextNeverBecomesUnknown() throws {
        let tokenizer = try WordPieceTokenizer(tokens: vocabulary(Self.reports, size: 200))
        let ascii = String(String.UnicodeScalarView((0x20..<0x7F).compactMap { Unicode.Scalar($0) }))
        #expect(!tokenizer.encode(ascii).contains(tokenizer.unknownID))
        for report in Self.reports { #expect(!tokenizer.encode(report).contains(tokenizer.unknownID)) }
        #expect(tokenizer.encode("Lungs clear").count == 2)
    }

    @Test func specialTokensInReportsAreNoWords() throws {
        let tokens = try vocabulary(Array(repeating: "[MASK] x[SEP]y", count: 9), size: 2000)
        #expect(!tokens.contains("mask") && !tokens.contains("sep"))
        #expect(tokens.count == (try characterCount()))
    }

    @Test func impossibleSizesAndEmptyReportsAreRefused() {
        let small = #expect(throws: AltaError.self) { try vocabulary(Self.reports, size: 20) }
        #expect(small?.description.contains("20") == true)
        #expect(small?.remedy != nil)
        #expect(throws: AltaError.self) { try vocabulary(["", " \n"], size: 2000) }
    }
}

/// The incremental merging against one that counts every pair anew before each merge.
@Suite struct WordPieceNaiveMergingTests {
    /// Words of the letters a to d and their counts, as `random` draws them, with plenty of repeated neighbours.
    static func words(_ random: RandomKey) -> [String: Int] {
        var words: [String: Int] = [:]
        for index in 0..<60 {
            let key = random.child(UInt64(index))
            let length = 1 + key.integer(0, below: 9)
            let letters = (0..<length).map { ["a", "b", "c", "d"][key.integer(1 + $0, below: 4)] }
            words[letters.joined(), default: 0] += 1 + key.integer(20, below: 5)
        }
        return words
    }

    /// The merges, from characters numbered as in `characters`, until no pair occurs twice.
    static func merges(_ words: [String: Int], characters: [String]) -> [String] {
        var tokens = characters
        var pieces = words.map { word, count in
            (word.enumerated().map { $0.offset == 0 ? String($0.element) : "##\($0.element)" }, count)
        }
        func id(_ token: String) -> Int { tokens.firstIndex(of: token) ?? tokens.count }
        while true {
            var counts: [[String]: Int] = [:]
            for (word, count) in pieces {
                for pair in zip(word, word.dropFirst()) { counts[[pair.0, pair.1], default: 0] += count }
            }
            let best = counts.min { a, b in
                (b.value, id(a.key[0]), id(a.key[1])) < (a.value, id(b.key[0]), id(b.key[1]))
            }
            guard let (pair, count) = best, count >= 2 else { return Array(tokens.dropFirst(characters.count)) }
            let merged = pair[0] + pair[1].dropFirst(2)
            if !tokens.contains(merged) { tokens.append(merged) }
            pieces = pieces.map { word, count in
                var new: [String] = []
                for piece in word {
                    if piece == pair[1], new.last == pair[0] { new[new.count - 1] = merged } else { new.append(piece) }
                }
                return (new, count)
            }
        }
    }

    @Test(arguments: 0..<12 as Range<UInt64>) func incrementalEqualsNaive(seed: UInt64) throws {
        let words = Self.words(RandomKey(seed: seed, purpose: .test))
        var trainer = WordPieceTrainer()
        for (word, count) in words { for _ in 0..<count { trainer.add(word) } }
        let tokens = try trainer.train(size: 100_000)
        var single = WordPieceTrainer()
        single.add("a")
        let characters = try single.train(size: 100_000)
        let merges = Self.merges(words, characters: characters)
        #expect(merges.count > 50)
        #expect(Array(tokens.dropFirst(characters.count)) == merges)
    }
}
