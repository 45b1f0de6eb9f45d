import AltaData
import Foundation
let words = try String(contentsOfFile: CommandLine.arguments[2], encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
let t0 = Date()
let t = try WordPieceTokenizer(tokens: words.last == "" ? Array(words.dropLast()) : words)
FileHandle.standardError.write(Data("load \(Date().timeIntervalSince(t0)) s\n".utf8))
if CommandLine.arguments[1] == "bench" {
    let text = [UInt8](try Data(contentsOf: URL(filePath: CommandLine.arguments[3])))
    for _ in 0..<5 {
        var ids: [Int32] = []
        let t1 = Date()
        t.encode(utf8: text.span, into: &ids)
        print(ids.count, Double(ids.count) / Date().timeIntervalSince(t1))
    }
} else {
    try LineTokenizer(tokenizer: t).run(input: .standardInput, output: .standardOutput)
}
