import AltaComm
import AltaCore
import AltaFormats

extension Timeline {
    /// Writes the timelines of all ranks as one file in Chrome's trace format: a JSON array of events in the order of their
    /// begin, in microseconds, which chrome://tracing and Perfetto load.
    ///
    /// A host is a process, a rank one of its threads. Phases, collectives and sums of gradients are complete events (`X`),
    /// collectives in the background pairs (`b`, `e`). Times of one host's ranks are of one clock; hosts are laid side by side
    /// at `begin`, which every rank is to call after one barrier, so between hosts they are right to about a barrier's time.
    ///
    /// Collective. Errors, on every rank: the file cannot be written.
    func write(_ path: String, context: RankContext) throws {
        let collectives = context.collectives
        let hosts = context.hostNames
        let origins = try collectives.allGather(Int64(origin))
        let own = hosts.indices.filter { hosts[$0] == collectives.hostName }
        let first = own.map { Int(origins[$0]) }.min() ?? origin
        let process = (hosts.firstIndex(of: collectives.hostName) ?? 0) + 1
        let place = ChromePlace(process: process, rank: collectives.rank, origin: first)
        let described = place.description(host: collectives.hostName) + events.flatMap(place.events)
        let all = try collectives.allGather(try JSONValue.array(described).text())
        try context.agree {
            guard context.isFirst else { return }
            try AtomicFile.write(path, text: try Timeline.merged(all))
        }
    }

    /// The events of all ranks by their begin, of equal ones the longest first: an event a line.
    static func merged(_ ranks: [String]) throws -> String {
        let events = try ranks.flatMap { try JSONValue(parsing: $0).array ?? [] }
        func order(_ event: JSONValue) -> (Double, Double) {
            (event["ts"]?.double ?? 0, -(event["dur"]?.double ?? 0))
        }
        let sorted = events.enumerated().sorted {
            let (one, other) = (order($0.element), order($1.element))
            return one == other ? $0.offset < $1.offset : one < other
        }
        return try "[\n" + sorted.map { try $0.element.text() }.joined(separator: ",\n") + "\n]\n"
    }
}

/// Where a rank's events stand in Chrome's format.
private struct ChromePlace {
    /// From 1.
    let process: Int
    let rank: Int
    /// What counts as 0, nanoseconds.
    let origin: Int

    /// The names of the process and the thread.
    func description(host: String) -> [JSONValue] {
        [("process_name", host), ("thread_name", "rank \(rank)")].map { key, name in
            [
                "name": .string(key), "ph": "M", "ts": 0, "pid": .integer(process), "tid": .integer(rank),
                "args": ["name": .string(name)],
            ]
        }
    }

    func events(_ event: Timeline.Event) -> [JSONValue] {
        let begin = object(event, "X", at: event.start)
        guard event.kind == .background else {
            var whole = begin
            whole["dur"] = .number(Double(event.end - event.start) / 1000)
            return [.object(whole)]
        }
        return [("b", event.start), ("e", event.end)].map { kind, time in
            var half = object(event, kind, at: time)
            half["id"] = .string("\(rank).\(event.start)")
            return .object(half)
        }
    }

    private func object(_ event: Timeline.Event, _ kind: String, at time: Int) -> JSONObject {
        var object = JSONObject()
        object["name"] = .string(event.name)
        object["cat"] = .string(event.kind.rawValue)
        object["ph"] = .string(kind)
        object["ts"] = .number(Double(time - origin) / 1000)
        object["pid"] = .integer(process)
        object["tid"] = .integer(rank)
        if let bytes = event.byteCount { object["args"] = ["bytes": .integer(bytes)] }
        return object
    }
}
