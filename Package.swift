// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "retort",
    products: [
        .executable(name: "retort", targets: ["retort"]),
        .executable(name: "bench", targets: ["bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", exact: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-pthread-dev"])]),
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CKernels"),
        .target(name: "Files", dependencies: [.product(name: "Crypto", package: "swift-crypto")]),
        .target(name: "Tensors", dependencies: ["CKernels", "COpenBLAS"]),
        .target(name: "Layers", dependencies: ["Tensors"]),
        .target(name: "Models", dependencies: ["Layers", "Tensors", "Files"]),
        .target(name: "Tokenizers", dependencies: ["Files"]),
        .target(
            name: "Formats",
            dependencies: [
                "Files", "CArchive", "CHDF5", "CZlib", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ],
            exclude: ["ONNX/onnx.proto", "TensorBoard/event.proto"]),
        .target(
            name: "Distillation",
            dependencies: ["Files", "Formats", "Layers", "Models", "Tensors", "Tokenizers"]),
        .target(
            name: "Compression",
            dependencies: ["Distillation", "Files", "Formats", "Layers", "Models", "Tensors"]),
        .target(name: "Evaluation", dependencies: ["Files", .product(name: "Mustache", package: "swift-mustache")]),
        .target(
            name: "Recipes",
            dependencies: [
                "Compression", "Distillation", "Evaluation", "Files", "Formats", "Layers", "Models", "Tensors",
                "Tokenizers", .product(name: "Yams", package: "Yams"),
            ],
            resources: [
                .embedInCode("../../recipes/quickstart.yaml"), .embedInCode("../../recipes/published-teacher.yaml"),
                .embedInCode("../../recipes/recorded-targets.yaml"), .embedInCode("../../recipes/api-answers.yaml"),
                .embedInCode("../../recipes/regression.yaml"), .embedInCode("../../recipes/embedding.yaml"),
                .embedInCode("../../recipes/language-model.yaml"),
                .embedInCode("../../recipes/ablation-wordnet26.yaml"),
                .embedInCode("../../recipes/ablation-prompt-injection.yaml"),
            ]),
        .executableTarget(
            name: "retort",
            dependencies: [
                "Compression", "Distillation", "Evaluation", "Files", "Formats", "Layers", "Models", "Recipes",
                "Tensors",
                "Tokenizers", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(
            name: "bench",
            dependencies: [
                "Compression", "Distillation", "Evaluation", "Files", "Layers", "Models", "Tensors",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
    ]
)

/// What each test target imports besides the target that it tests.
let tests: KeyValuePairs<String, [Target.Dependency]> = [
    "Files": [],
    "Tensors": ["CKernels"],
    "Layers": ["Tensors"],
    "Models": ["Layers", "Tensors", "Files"],
    "Tokenizers": ["Files"],
    "Formats": ["Files", "PackedFiles"],
    "Distillation": ["Files", "Formats", "Layers", "Models", "PackedFiles", "Tensors", "Tokenizers"],
    "Compression": ["CKernels", "Distillation", "Files", "Formats", "Layers", "Models", "Tensors"],
    "Evaluation": ["Files"],
    "Recipes": ["Files"],
]
for (name, dependencies) in tests {
    package.targets.append(
        .testTarget(name: "\(name)Tests", dependencies: [.init(stringLiteral: name)] + dependencies))
}
package.targets.append(.testTarget(name: "CommandTests", dependencies: ["PackedFiles", "retort", "bench"]))
package.targets.append(.target(name: "PackedFiles", dependencies: ["CArchive"], path: "Tests/PackedFiles"))
for target in package.targets where target.type != .system && target.name != "CKernels" {
    target.swiftSettings = (target.swiftSettings ?? []) + strict
}
