import Foundation
import Tensors
import Testing

@Suite("Random keys and dropout")
struct RandomKeyTests {
    /// The content of Tests/Golden/counter_random.json, written by counter_random.py.
    private struct Golden: Decodable {
        let key: String
        let mixedWith7: String
        let mixedWithMinus1: String
        let mixedWithDropout: String
        let uniform: [Double]
        let normal: [Double]
        let permutations: [[Int]]
        /// For row key 3, salt 7 and columns 0, 1 and 1000.
        let dropoutHashes: [UInt32]
    }

    @Test("Keys, numbers and masks keep their values, which stored runs depend on")
    func golden() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/counter_random.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let golden = try decoder.decode(Golden.self, from: Data(contentsOf: url))
        let key = RandomKey(42)
        #expect(String(key.value) == golden.key)
        #expect(String(key.mixed(7).value) == golden.mixedWith7)
        #expect(String(key.mixed(-1).value) == golden.mixedWithMinus1)
        #expect(String(key.mixed("dropout").value) == golden.mixedWithDropout)
        #expect((0..<4).map(key.uniform) == golden.uniform)
        for (index, value) in golden.normal.enumerated() { #expect(abs(key.normal(index) - value) < 1e-14) }
        #expect((0..<4).map { key.mixed($0).permutation(12) } == golden.permutations)
        #expect([0, 1, 1000].map { Reference.dropoutHash(key: 3, salt: 7, column: $0) } == golden.dropoutHashes)
        // SplitMix64 with seed 0 begins 0xE220A8397B1DCDAF (Steele, Lea, Flood 2014; the reference C code).
        #expect(RandomKey(0).value == 0xE220_A839_7B1D_CDAF)
    }

    @Test("Random numbers: mean and deviation of uniform and normal values; a permutation has every index once")
    func distributions() {
        let key = RandomKey(5)
        let count = 100_000
        let uniform = (0..<count).map(key.uniform)
        let normal = (0..<count).map(key.normal)
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        // Four standard errors: 0.29/√n and 1/√n for the means, about 0.7/√n for the normal's second moment.
        #expect(abs(mean(uniform) - 0.5) < 4 * 0.289 / Double(count).squareRoot())
        #expect(abs(mean(normal)) < 4 / Double(count).squareRoot())
        #expect(abs(mean(normal.map { $0 * $0 }) - 1) < 4 * 1.42 / Double(count).squareRoot())
        #expect(uniform.allSatisfy { (0..<1).contains($0) })
        #expect(key.permutation(1000).sorted() == Array(0..<1000))
        #expect(key.permutation(1000) != Array(0..<1000))
        #expect(key.permutation(0).isEmpty)
    }

    @Test("Dropout keeps the expectation, drops its share, and depends on key and salt alone")
    func dropout() {
        let keys = DropoutKeys(rows: (0..<200).map { RandomKey(9).mixed($0).value })
        let ones = Variable(constant: Tensor(repeating: 1, shape: [200, 500]))
        func run(_ salt: UInt64) -> [Float] {
            Tape().dropout(ones, probability: 0.1, keys: keys, salt: salt).value.values
        }
        let values = run(1)
        let dropped = Double(values.count { $0 == 0 }) / Double(values.count)
        // Four standard errors of a share of 0.1 over 100,000.
        #expect(abs(dropped - 0.1) < 4 * 0.3 / Double(values.count).squareRoot())
        #expect(values.allSatisfy { $0 == 0 || abs($0 - 1 / 0.9) < 1e-6 })
        #expect(values == run(1))
        #expect(values != run(2))
        // The same row key gives the same mask in another batch.
        let alone = Tape().dropout(
            Variable(constant: Tensor(repeating: 1, shape: [1, 500])), probability: 0.1,
            keys: DropoutKeys(rows: [keys.rows[7]]), salt: 1)
        #expect(alone.value.values == Array(values[3500..<4000]))
    }

    @Test("Dropout of different salts, rows and columns agrees as often as chance has it")
    func independence() {
        func dropped(_ key: UInt64, _ salt: UInt64) -> [Bool] {
            Reference.dropoutFactors(keys: [key], salt: salt, width: 20_000, probability: 0.5).map { $0 == 0 }
        }
        let base = RandomKey(1).value
        let mask = dropped(base, 5)
        let others = [
            ("another salt", dropped(base, 6)), ("another row", dropped(RandomKey(2).value, 5)),
            ("the next column", Array(mask.dropFirst()) + [false]), ("a row key one bit apart", dropped(base ^ 1, 5)),
        ]
        for (name, other) in others {
            let agreeing = Double(zip(mask, other).count { $0 == $1 }) / Double(mask.count)
            // Four standard errors of a share of one half.
            #expect(abs(agreeing - 0.5) < 4 * 0.5 / Double(mask.count).squareRoot(), "\(name)")
        }
    }
}
