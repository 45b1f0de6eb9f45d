import AltaCore
import AltaData
import AltaFormats
import Foundation

private let tokenizeCommand = CommandDescription(
    name: "alta-data tokenize",
    summary: "Reads lines from standard input and writes their token ids, one JSON object a line.",
    options: [.value("--vocabulary", name: "VOCAB.txt", "a BERT vocabulary, one token a line")],
    example: "echo 'No acute cardiopulmonary process.' | alta-data tokenize --vocabulary vocab.txt",
    notes: """
        LF alone ends a line. The ids are those of Hugging Face's BertWordPieceTokenizer(lowercase=True), [CLS] and [SEP]
        included, not truncated. Bytes that are not UTF-8 are left out.
        """)

/// `alta-data tokenize`: standard input to standard output, each line as soon as it is there.
///
/// Throws `AltaError` for wrong usage and an unusable vocabulary.
func runTokenize(arguments: [String]) throws {
    let parsed = try tokenizeCommand.parse(arguments)
    if parsed.wantsHelp { return print(tokenizeCommand.help, terminator: "") }
    let vocabulary = try WordVocabulary(path: parsed.required("--vocabulary"))
    var lines = TokenLines(tokenizer: try WordPieceTokenizer(vocabulary: vocabulary))
    while let bytes = try readStandardInput() {
        try FileHandle.standardOutput.write(contentsOf: Data(lines.append(bytes)))
    }
    try FileHandle.standardOutput.write(contentsOf: Data(lines.finish()))
}

/// What standard input has now, at most 256 kB, waiting for something; nil at its end.
private func readStandardInput() throws -> [UInt8]? {
    while true {
        var error: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, count in
            let read = read(STDIN_FILENO, buffer.baseAddress, buffer.count)
            error = read < 0 ? errno : 0
            count = max(read, 0)
        }
        if error == EINTR { continue }
        guard error == 0 else {
            throw AltaError("cannot read standard input", why: String(cString: strerror(error)))
        }
        return bytes.isEmpty ? nil : bytes
    }
}
