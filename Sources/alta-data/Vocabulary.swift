import AltaCore
import AltaData
import AltaFormats

private let vocabularyCommand = CommandDescription(
    name: "alta-data vocabulary",
    summary: "Trains a lower-case WordPiece vocabulary on the reports of CSV files.",
    options: [
        .value("--reports", name: "CSV", isRepeated: true, "a table with reports"),
        .value("--column", name: "NAME", "the column that holds them (report)"),
        .value("--size", name: "TOKENS", "how many tokens at most (2000)"),
        .value("--output", name: "VOCAB.txt", "the file to write, one token a line"),
    ],
    example: "alta-data vocabulary --reports cohort/train.csv --size 2000 --output vocab.txt",
    notes: """
        [PAD] [UNK] [CLS] [SEP] [MASK] come first, then every character, then the most frequent pieces. The same reports
        give the same file, in whatever order. The file is a vocab.txt as BERT's tokenizers read it.
        """)

/// `alta-data vocabulary`: reports to a `vocab.txt`.
///
/// Throws `AltaError` for wrong usage, tables without the column or without text, too small a size, and a file that cannot
/// be written.
func runVocabulary(arguments: [String]) throws {
    let parsed = try vocabularyCommand.parse(arguments)
    if parsed.wantsHelp { return print(vocabularyCommand.help, terminator: "") }
    _ = try parsed.required("--reports")
    let output = try parsed.required("--output")
    let size = try parsed.int("--size", in: 1...(1 << 22)) ?? 2000
    var trainer = WordPieceTrainer()
    var reportCount = 0
    for path in parsed.values("--reports") {
        let table = try CSVTable(path: path)
        let column = try column(parsed.value("--column") ?? StudyTable.reportColumn, of: table)
        for row in 0..<table.rowCount { trainer.add(table.field(row, column)) }
        reportCount += table.rowCount
    }
    let tokens = try trainer.train(size: size)
    try AtomicFile.write(output, text: tokens.map { $0 + "\n" }.joined())
    let shortfall = tokens.count < size ? ", all that the reports give" : ""
    print(
        "\(output): \(tokens.count) tokens\(shortfall), from \(reportCount) reports with "
            + "\(trainer.distinctWordCount) different words")
}

private func column(_ name: String, of table: CSVTable) throws -> Int {
    do {
        return try table.column(named: name)
    } catch var error as AltaError {
        error.remedy = "name the column that holds the reports with --column"
        throw error
    }
}
