// swift-tools-version: 6.2
import PackageDescription

// The order of the targets is the order of the house (Docs/design.md): a module imports only modules above it.

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]
let strictC: [CSetting] = [.treatAllWarnings(as: .error)]
let strictCXX: [CXXSetting] = [.treatAllWarnings(as: .error)]

/// A library target of the house.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// An executable: one entry file and its subcommands.
func command(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// The tests of one module.
func tests(_ module: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(module)Tests",
        dependencies: [.target(name: module), "AltaTestSupport"] + dependencies,
        swiftSettings: strict)
}

/// The pkg-config name of the MPI to build against: Open MPI's unless told otherwise. The multi-rank tests hold with MPICH's
/// too (Cluster/test-mpich).
let mpi = Context.environment["ALTA_MPI"] ?? "ompi-c"

let package = Package(
    name: "alta",
    products: [
        .executable(name: "alta-worker", targets: ["alta-worker"]),
        .executable(name: "alta-launch", targets: ["alta-launch"]),
        .executable(name: "alta-data", targets: ["alta-data"]),
    ],
    targets: [
        .systemLibrary(name: "COpenMPI", pkgConfig: mpi, providers: [.apt(["libopenmpi-dev"])]),
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "CNUMA", pkgConfig: "numa", providers: [.apt(["libnuma-dev"])]),
        .systemLibrary(name: "CTurboJPEG", pkgConfig: "libturbojpeg", providers: [.apt(["libturbojpeg0-dev"])]),
        .systemLibrary(name: "CSPNG", pkgConfig: "spng", providers: [.apt(["libspng-dev"])]),
        // DCMTK's pkg-config file asks for packages that its development package does not bring.
        .target(
            name: "CDCMTK", cxxSettings: strictCXX,
            linkerSettings: ["dcmjpeg", "dcmjpls", "dcmdata", "oflog", "ofstd"].map { .linkedLibrary($0) }),
        .target(
            name: "CAltaKernels", cSettings: strictC,
            linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("gomp"), .linkedLibrary("m")]),
        .target(name: "CAltaSystem", cSettings: strictC),

        module("AltaCore"),
        module("AltaFormats", ["AltaCore"]),
        module("AltaTensor", ["AltaCore", "CAltaKernels", "COpenBLAS"]),
        module("AltaAutograd", ["AltaCore", "AltaTensor"]),
        module("AltaComm", ["AltaCore", "CAltaSystem", "COpenMPI"]),
        module("AltaPlacement", ["AltaCore", "AltaComm", "CAltaSystem", "CNUMA"]),
        module("AltaData", ["AltaCore", "AltaFormats", "CTurboJPEG", "CSPNG", "CDCMTK"]),
        module("AltaModel", ["AltaCore", "AltaFormats", "AltaTensor", "AltaAutograd", "AltaData"]),
        module("AltaObjective", ["AltaCore", "AltaTensor", "AltaAutograd", "AltaComm"]),
        module("AltaEvaluate", ["AltaCore", "AltaComm"]),
        module(
            "AltaTrain",
            [
                "AltaCore", "AltaFormats", "AltaTensor", "AltaAutograd", "AltaComm", "AltaPlacement", "AltaData",
                "AltaModel", "AltaObjective", "AltaEvaluate",
            ]),
        module("AltaLaunch", ["AltaCore", "CAltaSystem"]),

        command("alta-worker", ["AltaCore", "AltaComm", "AltaPlacement", "AltaEvaluate", "AltaTrain"]),
        command("alta-launch", ["AltaCore", "AltaLaunch"]),
        command("alta-data", ["AltaCore", "AltaFormats", "AltaData"]),

        .executableTarget(
            name: "alta-collective-check", dependencies: ["AltaCore", "AltaComm"], path: "Tests/CollectiveCheck",
            swiftSettings: strict),
        .executableTarget(
            name: "alta-stall-check", dependencies: ["AltaCore", "AltaComm"], path: "Tests/StallCheck",
            swiftSettings: strict),
        .executableTarget(
            name: "alta-loss-check",
            dependencies: ["AltaCore", "AltaComm", "AltaTensor", "AltaObjective", "AltaObjectiveSupport"],
            path: "Tests/LossCheck", swiftSettings: strict),
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter", cSettings: strictC),
        .executableTarget(
            name: "alta-allocation-check", dependencies: ["AltaCore", "AltaComm", "AltaTrain", "CAllocationCounter"],
            path: "Tests/AllocationCheck", swiftSettings: strict),
        .executableTarget(
            name: "alta-weight-check",
            dependencies: ["AltaCore", "AltaComm", "AltaTensor", "AltaModel", "AltaTrain", "AltaRunSupport"],
            path: "Tests/WeightCheck", swiftSettings: strict),
        .executableTarget(
            name: "alta-fault-check", dependencies: ["AltaCore", "AltaComm", "AltaTrain"], path: "Tests/FaultCheck",
            swiftSettings: strict),
        .executableTarget(
            name: "alta-kill-check", dependencies: ["AltaCore", "AltaComm", "AltaTrain", "AltaRunSupport"],
            path: "Tests/KillCheck", swiftSettings: strict),
        .executableTarget(
            name: "alta-frozen-check", dependencies: ["AltaCore", "AltaComm", "AltaPlacement"],
            path: "Tests/FrozenCheck", swiftSettings: strict),
        .target(
            name: "AltaTestSupport", dependencies: ["AltaCore"], path: "Tests/AltaTestSupport",
            swiftSettings: strict),
        .target(
            name: "AltaRunSupport", dependencies: ["AltaCore", "AltaComm", "AltaTrain"], path: "Tests/AltaRunSupport",
            swiftSettings: strict),
        .target(
            name: "AltaFuzzSupport", dependencies: ["AltaCore", "AltaFormats", "AltaData"],
            path: "Tests/AltaFuzzSupport", swiftSettings: strict),
        .target(
            name: "AltaObjectiveSupport", dependencies: ["AltaCore", "AltaComm", "AltaTensor", "AltaObjective"],
            path: "Tests/AltaObjectiveSupport", swiftSettings: strict),
        .executableTarget(
            name: "alta-parser-fuzz", dependencies: ["AltaCore", "AltaFuzzSupport"], path: "Tests/ParserFuzz",
            swiftSettings: strict),
        .testTarget(name: "AltaFuzzTests", dependencies: ["AltaCore", "AltaFuzzSupport"], swiftSettings: strict),
        tests("AltaCore"),
        tests("AltaFormats", ["AltaFuzzSupport"]),
        tests("AltaTensor"),
        tests("AltaAutograd", ["AltaTensor", "AltaCore"]),
        tests("AltaComm"),
        tests("AltaPlacement", ["AltaComm"]),
        tests("AltaData", ["AltaFormats", "AltaCore"]),
        tests("AltaModel", ["AltaFormats", "AltaData", "AltaTensor", "AltaAutograd"]),
        tests("AltaObjective", ["AltaComm", "AltaTensor", "AltaAutograd", "AltaObjectiveSupport"]),
        tests("AltaEvaluate", ["AltaComm"]),
        tests(
            "AltaTrain",
            ["AltaComm", "AltaData", "AltaModel", "AltaFormats", "AltaTensor", "AltaAutograd", "AltaObjective"]),
        tests("AltaLaunch"),
    ],
    swiftLanguageModes: [.v6]
)
