import AltaData
import AltaTestSupport
import Testing

/// Every scalar's cleaning, folding and splitting against Hugging Face tokenizers 0.23.3.
///
/// For each block of 4,096 scalars a vocabulary holds, as words and as continuations, U+0021-05FF, the conjoining Jamo and
/// the block itself; the digest is over the ids of `[CLS] a<scalar>b [SEP]` for every scalar of the block. The blocks
/// left out hold nothing but unassigned and private scalars, as 0xF0 does.
@Suite struct UnicodeFoldingTests {
    static let blockDigests: [(UInt32, UInt64)] = [
        (0x00, 0x2A01_F0CF_5F25_393E), (0x01, 0x50D8_3780_9D85_F584), (0x02, 0xB782_B60A_4C17_A213),
        (0x03, 0x3024_7AE9_6D67_1871), (0x04, 0xFE9A_BF83_77BB_BF05), (0x05, 0x1826_1CA2_1C9E_1785),
        (0x06, 0x1826_1CA2_1C9E_1785), (0x07, 0x1826_1CA2_1C9E_1785), (0x08, 0x1826_1CA2_1C9E_1785),
        (0x09, 0x1826_1CA2_1C9E_1785), (0x0A, 0xBCFC_33ED_59B2_CA99), (0x0B, 0x18BC_AAA4_38A6_01CD),
        (0x0C, 0x3F48_EC9C_DCD1_8E58), (0x0D, 0x7840_73FD_0716_EBBC), (0x0E, 0xA200_75BF_23FA_2325),
        (0x0F, 0x4952_272C_6111_DDFA), (0x10, 0x9D3A_ED90_2739_79BC), (0x11, 0xB7AD_799D_2AC4_AEA6),
        (0x12, 0xFC27_FFFC_7662_FFE9), (0x13, 0x2F12_25E7_AD87_6AA5), (0x14, 0x2F12_25E7_AD87_6AA5),
        (0x15, 0x2F12_25E7_AD87_6AA5), (0x16, 0x4A0B_4CD4_2BDE_0DE4), (0x17, 0x2F12_25E7_AD87_6AA5),
        (0x18, 0x2F12_25E7_AD87_6AA5), (0x19, 0x2F12_25E7_AD87_6AA5), (0x1A, 0x2F12_25E7_AD87_6AA5),
        (0x1B, 0x4340_6ABE_0079_6104), (0x1C, 0x2F12_25E7_AD87_6AA5), (0x1D, 0x0E70_FCC9_3BBD_6282),
        (0x1E, 0x28E0_831A_669F_73EE), (0x1F, 0x2F12_25E7_AD87_6AA5), (0x20, 0x1826_1CA2_1C9E_1785),
        (0x21, 0x1826_1CA2_1C9E_1785), (0x22, 0x1826_1CA2_1C9E_1785), (0x23, 0x1826_1CA2_1C9E_1785),
        (0x24, 0x1826_1CA2_1C9E_1785), (0x25, 0x1826_1CA2_1C9E_1785), (0x26, 0x1826_1CA2_1C9E_1785),
        (0x27, 0x1826_1CA2_1C9E_1785), (0x28, 0x1826_1CA2_1C9E_1785), (0x29, 0x1826_1CA2_1C9E_1785),
        (0x2A, 0xB6E9_4C08_58AF_7B05), (0x2B, 0x85C4_4C9E_CA2E_415B), (0x2C, 0x8B14_24C7_1927_7793),
        (0x2D, 0x2F12_25E7_AD87_6AA5), (0x2E, 0x2F12_25E7_AD87_6AA5), (0x2F, 0x88C2_9DDE_DA30_8E5E),
        (0x30, 0x2F12_25E7_AD87_6AA5), (0x31, 0x2F12_25E7_AD87_6AA5), (0x32, 0x2F12_25E7_AD87_6AA5),
        (0xE0, 0xB315_7D2B_9379_C77C), (0xF0, 0xA200_75BF_23FA_2325),
    ]

    @Test(arguments: blockDigests) func blockEqualsReference(block: UInt32, digest: UInt64) throws {
        let scalars = (block << 12)..<((block + 1) << 12)
        let common = Array(UInt32(0x21)..<0x600) + Array(0x1100..<0x1200)
        let tokenizer = try WordPieceTestVocabulary.tokenizer(of: common + Array(scalars))
        var found = TokenDigest()
        for scalar in scalars.compactMap(Unicode.Scalar.init) { found.add(tokenizer.encodeWithSpecials("a\(scalar)b")) }
        #expect(found.value == digest)
    }

    /// 20,000 strings of up to twelve of these, drawn by a linear congruential generator the script shares.
    static let palette = [
        "[MASK]", "[CLS]", "[SEP]", "[UNK]", "[PAD]", "[mask]", "[", "]", " ", "\t", "\u{B}", "\0", "\u{A0}",
        "\u{3000}", "\u{E9}", "e\u{301}", "\u{AC00}", "\u{6F22}", "\u{130}", "\u{DF}", "\u{3A3}", "\u{3C2}",
        "\u{200D}", "\u{FFFD}", "a", "B", "9", "!", "\u{300}", "\u{315}", "\u{323}", "\u{93C}", "\u{94D}", "\u{302E}",
        "\u{302F}", "\u{1D165}", "\u{1D16D}", "\u{1DC4}", "\u{1DF6}", "\u{8D3}", "\u{1E944}", "\u{34F}", "\u{5B0}",
        "\u{E38}", "\u{F71}", "\u{F72}", "\u{16FF}", "\u{2014}", "\u{2126}", "\u{1FEF}",
    ]

    @Test func mixedStringsEqualReference() throws {
        var scalars = Set(UInt32(0x21)..<0x600).union(0x1100..<0x1200)
        for part in Self.palette { scalars.formUnion(part.unicodeScalars.map(\.value).filter { $0 > 32 }) }
        let tokenizer = try WordPieceTestVocabulary.tokenizer(of: scalars.sorted())
        var state: UInt64 = 1
        func draw(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        var found = TokenDigest()
        var tokenCount = 0
        for _ in 0..<20_000 {
            let length = 1 + draw(12)
            let text = (0..<length).map { _ in Self.palette[draw(Self.palette.count)] }.joined()
            let ids = tokenizer.encodeWithSpecials(text)
            tokenCount += ids.count
            found.add(ids)
        }
        #expect(tokenCount == 135_324)
        #expect(found.value == 0xF36E_EBC2_8F1F_610A)
    }
}
