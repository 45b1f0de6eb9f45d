import AltaCore

extension PickleMachine {
    /// Instructions by which Python would import, call or build something; here they make nodes that name it.
    mutating func runObject(_ code: UInt8) throws -> Bool {
        switch code {
        case UInt8(ascii: "c"):
            let module = try reader.line()
            try push(.global, name: "\(module).\(reader.line())")
        case 0x93: try pushStackGlobal()
        case UInt8(ascii: "i"):
            let module = try reader.line()
            let name = try "\(module).\(reader.line())"
            let arguments = try popToMark()
            try push(.global, name: name)
            try push(.tuple, arguments)
            try makeObject()
        case UInt8(ascii: "o"):
            let items = try popToMark()
            guard let first = items.first else { throw fault("an object lacks its class") }
            try push(first)
            try push(.tuple, Array(items.dropFirst()))
            try makeObject()
        case UInt8(ascii: "R"), 0x81: try makeObject()
        case 0x92:
            _ = try pop()
            try makeObject()
        case UInt8(ascii: "b"): try setState()
        case UInt8(ascii: "P"): try push(.persistent, [.text(reader.line())])
        case UInt8(ascii: "Q"): try push(.persistent, [pop()])
        case 0x82, 0x83, 0x84: throw fault("it uses Python's extension registry, which is not in the file")
        case 0x97, 0x98: throw fault("it uses buffers that are not in the file")
        default: return false
        }
        return true
    }

    private mutating func pushStackGlobal() throws {
        guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
            throw fault("a class or function lacks its name")
        }
        try push(.global, name: "\(module).\(name)")
    }

    /// Takes arguments and callable from the stack and pushes the object that calling would have made.
    private mutating func makeObject() throws {
        let arguments = try pop()
        let callable = try pop()
        guard heap.globalName(callable) == "collections.OrderedDict" else {
            return try push(.object, [callable, arguments])
        }
        // Python 2 handed the pairs over as the one argument.
        let given = heap.sequence(arguments) ?? []
        let list = given.first.map { heap.sequence($0) ?? [$0] } ?? []
        let pairs = list.compactMap { heap.sequence($0) }
        guard pairs.count == list.count, pairs.allSatisfy({ $0.count == 2 }) else {
            throw fault("an ordered dictionary is made of something other than pairs")
        }
        try push(.dictionary, Array(pairs.joined()))
    }

    /// State set on an object is kept as its third item, state of anything else (an ordered dictionary's
    /// attributes) is dropped.
    private mutating func setState() throws {
        let state = try pop()
        guard case .node(let place) = try top(), heap.nodes[place].kind == .object else { return }
        heap.nodes[place].items = Array(heap.nodes[place].items.prefix(2)) + [state]
    }
}
