import Foundation

/// The content of Tests/Golden/optimizer.json, written by optimizer.py.
struct GoldenOptimizer: Decodable {
    struct Run: Decodable {
        /// The weights after each step.
        let steps: [[Float]]
        /// The moments after the last step.
        let first: [Float]
        let second: [Float]
    }

    let start: [Float]
    let gradients: [[Float]]
    let rates: [Float]
    let decay: Float
    let decayed: Run
    let plain: Run

    static func read() throws -> GoldenOptimizer {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/optimizer.json")
        return try JSONDecoder().decode(GoldenOptimizer.self, from: Data(contentsOf: url))
    }
}
