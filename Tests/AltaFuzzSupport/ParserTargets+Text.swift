import AltaCore
import AltaFormats

extension ParserTargets {
    static func table() throws -> ParserTarget {
        let texts = [
            "\u{FEFF}path,report\r\na,\"x, \"\"y\"\"\nz\"\r\n\"b\",c\r\n\r\nd,e\n",
            "image_path,auxview_image_path,report\n1.jpg,-1,\"No \u{E9}dema.\n\"\n2.jpg,3.jpg,x\n",
        ]
        return ParserTarget("table", originals: texts.map { Array($0.utf8) }) { input in
            let table = try CSVTable(FileBytes(copying: input, name: "input"))
            var line = 1
            for row in 0..<table.rowCount {
                for column in table.header.indices { _ = table.field(row, column) }
                precondition(table.lineNumber(row) > line, "row \(row) is at line \(table.lineNumber(row))")
                line = table.lineNumber(row)
            }
        }
    }

    static func vocabulary() throws -> ParserTarget {
        let text = "[PAD]\n[UNK]\r\n[CLS]\n[SEP]\n[MASK]\n\u{E9}\n##\u{4E00}\nlung\n"
        return ParserTarget("vocabulary", originals: [Array(text.utf8)]) { input in
            let vocabulary = try WordVocabulary(content: input, path: "input")
            for id in 0..<vocabulary.count {
                let found = vocabulary.id(of: vocabulary.token(id))
                precondition(found.map { $0 >= id } == true, "the token \(id) is found at \(String(describing: found))")
            }
        }
    }

    static func json() throws -> ParserTarget {
        let texts = [
            #"{"a": [1, -2.5e3, true, null, "x\u00e9\ud83d\ude00\n"], "b": {"c": {}}, "d": 9223372036854775807}"#,
            #"[[[[{"k": "v"}]]], 1e308, 0.1, -0, "\"\\\/\b\f\n\r\t"]"#,
        ]
        return ParserTarget("json", originals: texts.map { Array($0.utf8) }) { input in
            let value = try input.withUnsafeBytes { try JSONValue(parsing: $0) }
            let again = try JSONValue(parsing: value.text())
            precondition(again == value, "a value changes when it is written and read")
        }
    }

    static func configuration() throws -> ParserTarget {
        let texts = [
            #"{"data": {"train": "some/folder/train.csv"}, "seed": 12345678, "model": {"projection": 123}}"#,
            #"{"model": "alta-tiny", "global_batch": 96, "learning_rate": 1.5e-4, "trainable": "all", "steps": null}"#,
        ]
        return ParserTarget("configuration", originals: texts.map { Array($0.utf8) }) { input in
            let config = try RunConfig(json: input.withUnsafeBytes { try JSONValue(parsing: $0) })
            let again = try RunConfig(json: config.resolvedJSON())
            precondition(again == config, "a configuration changes when it is written and read")
        }
    }
}
