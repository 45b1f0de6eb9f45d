import AltaCore
import Foundation
import Testing

@Suite struct JSONValueTests {
    @Test func valuesAreRead() throws {
        let text = """
            \u{FEFF}{"b": [1, -2.5, 1e3, true, false, null],
            "a": {"x": "\u{E9}\\n\\u00e9\\ud83d\\ude00\\/"}, "": {}, "e": []}

            """
        let json = try JSONValue(parsing: text)
        #expect(json.object?.keys == ["b", "a", "", "e"])
        #expect(json["b"] == [1, -2.5, .number(1000), true, false, nil])
        #expect(json["a"]?["x"] == "\u{E9}\n\u{E9}\u{1F600}/")
        #expect(json[""] == [:] && json["e"] == [] && json["absent"] == nil)
    }

    @Test func wholeNumbersAreExact() throws {
        #expect(try JSONValue(parsing: "9223372036854775807") == .integer(.max))
        #expect(try JSONValue(parsing: "-9223372036854775808") == .integer(.min))
        #expect(try JSONValue(parsing: "9223372036854775808") == .number(0x1p63))
        #expect(try JSONValue(parsing: "30.0").int == 30)
        #expect(try JSONValue(parsing: "30.5").int == nil)
    }

    @Test(arguments: [
        ("{\"a\": 1,\n \"a\": 2}", "line 2, column 2", "\"a\" is repeated"),
        ("{\"a\": 1,}", "column 9", "double quotes"), ("[1 2]", "column 4", "','"), ("[01]", "column 3", "','"),
        ("nul", "column 1", "value"), ("1 2", "column 3", "more after"), ("\"\\x\"", "column 2", "escape"),
        ("\"\\ud800\"", "column 2", "surrogate"), ("\"\\ud800\\u0041\"", "column 2", "surrogate"),
        ("\"a\u{1}\"", "column 3", "control"), ("\"abc", "column 1", "not closed"), ("1e999", "column 1", "range"),
        ("-", "column 2", "digit"), ("1.", "column 3", "digit"), ("", "column 1", "the end"),
        ("// c", "column 1", "'/'"), ("NaN", "column 1", "'N'"), ("{\"\u{E9}\" 1}", "column 6", "':'"),
        ("\"\\u00g0\"", "column 4", "hexadecimal"), ("\"\\u-123\"", "column 4", "hexadecimal"),
    ])
    func faultsHavePlaces(text: String, place: String, why: String) throws {
        let error = try #require(throws: AltaError.self) { try JSONValue(parsing: text, file: "f.json") }
        #expect(error.what.contains(place) && error.why?.contains(why) == true, "\(error)")
        #expect(error.file == "f.json")
    }

    @Test func invalidUTF8IsAnError() {
        let bytes: [UInt8] = [0x22, 0xFF, 0x22]
        #expect(throws: AltaError.self) { try bytes.withUnsafeBytes { try JSONValue(parsing: $0) } }
    }

    @Test func depthIsBounded() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSONValue(parsing: nested(JSONValue.maximumDepth))
        #expect(throws: AltaError.self) { try JSONValue(parsing: nested(1_000_000)) }
        #expect(throws: AltaError.self) {
            try JSONValue(parsing: String(repeating: "{\"a\":", count: 1000))
        }
    }

    @Test func writingReadsBackEqual() throws {
        let value: JSONValue = [
            "z": 1, "a": 0.1, "n": .number(100), "tiny": .number(.leastNonzeroMagnitude), "big": 1.797e308,
            "third": .number(1.0 / 3),
            "text": "a\"b\\c\n\t\u{1}\u{E9}\u{1F600}", "list": [1, [2, nil], [:], []], "o": ["k": true, "l": false],
        ]
        for layout in [JSONValue.Layout.compact, .pretty] {
            let text = try value.text(layout)
            #expect(try JSONValue(parsing: text) == value)
            #expect(try JSONValue(parsing: text).object?.keys == value.object?.keys)
            #expect((try? JSONSerialization.jsonObject(with: Data(text.utf8))) != nil)
        }
        #expect(try value.text().contains("\n") == false)
        #expect(try value.text().hasPrefix("{\"z\":1,\"a\":0.1,\"n\":100.0"))
        #expect(try value.text(sortedKeys: true).hasPrefix("{\"a\":0.1,\"big\""))
        #expect(try JSONValue.array([1, 2]).text(.pretty) == "[1, 2]\n")
        #expect(try JSONValue.object(["a": ["b": 1]]).text(.pretty) == "{\n  \"a\": {\n    \"b\": 1\n  }\n}\n")
    }

    @Test func numbersThatAreNotFiniteAreRefusedWithTheirPath() throws {
        let value: JSONValue = ["losses": ["local": .number(.nan)]]
        let error = try #require(throws: AltaError.self) { try value.text() }
        #expect(error.what.contains("losses.local"))
    }

    @Test func objectsKeepPlacesThroughChanges() {
        var object = JSONObject()
        for number in 0..<40 { object["k\(number)"] = .integer(number) }
        object["k5"] = "new"
        object["k7"] = nil
        #expect(object.count == 39 && object["k5"] == "new" && object["k7"] == nil && object["k39"] == 39)
        #expect(object.keys[5] == "k5" && object.keys[7] == "k8")
        #expect(JSONObject(dictionaryLiteral: ("a", 1), ("b", 2)) == ["b": 2, "a": 1])
    }

    /// Whatever we accept, Foundation accepts, and what we write of it we read back equal.
    @Test func mutatedTextNeverTraps() throws {
        let seedText =
            #"{"a": [1, -2.5e-3, "x\u00e9\ud83d\ude00", true, null], "b": {"c": {}, "d": [[]]}, "\#u{E9}": "\n"}"#
        let original = Array(seedText.utf8)
        var accepted = 0
        for run in 0..<5000 {
            let key = RandomKey(seed: UInt64(run), purpose: .test)
            var bytes = original
            for change in 0...key.integer(0, below: 3) {
                let place = key.integer(3 * change + 1, below: bytes.count)
                let byte = original[key.integer(3 * change + 2, below: original.count)]
                switch key.integer(3 * change + 3, below: 4) {
                case 0: bytes[place] = UInt8(truncatingIfNeeded: key.word(100 + change))
                case 1: bytes[place] = byte
                case 2: bytes.remove(at: place)
                default: bytes.insert(byte, at: place)
                }
            }
            guard let json = try? bytes.withUnsafeBytes({ try JSONValue(parsing: $0) }) else { continue }
            accepted += 1
            #expect((try? JSONSerialization.jsonObject(with: Data(bytes))) != nil)
            #expect(try JSONValue(parsing: json.text()) == json)
        }
        #expect(accepted > 100 && accepted < 4900)
    }
}
