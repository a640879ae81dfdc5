public import Tensors

/// Feature matching by direction: F = Σ_rows (1 − cos(h_s, h_t)) / N (DistilBERT, arXiv 1910.01108).
///
/// h_s, h_t: [N, d_t]. ∂F/∂h_s = (cos · h_s/‖h_s‖ − h_t/‖h_t‖) / (‖h_s‖ · N). A row of zeros has no direction: its cosine
/// and its gradient are 0.
private struct FeatureCosine: DifferentiableOperation {
    let student: Variable
    let teacher: Tensor
    /// ∂(1 − cos)/∂h_s = own · h_s + other · h_t for each row.
    let factors: [(own: Float, other: Float)]
    let scale: Float

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let scale = scale * gradient.scalar
        var result = Tensor(uninitialized: teacher.shape)
        let width = teacher.width
        Profile.measure(.loss) {
            result.withUnsafeMutableBufferPointer { result in
                student.value.withUnsafeBufferPointer { student in
                    teacher.withUnsafeBufferPointer { teacher in
                        // Each row is written by one thread.
                        nonisolated(unsafe) let result = result
                        Threads.forEachChunk(of: factors.count, grain: 64) { rows in
                            for row in rows {
                                let (own, other) = (factors[row].own * scale, factors[row].other * scale)
                                let cells = row * width..<(row + 1) * width
                                for i in cells { result[i] = own * student[i] + other * teacher[i] }
                            }
                        }
                    }
                }
            }
        }
        gradients.add(result, to: student)
    }
}

/// Σ a², Σ b² and Σ a·b of two rows.
private func products(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int
) -> (aa: Double, bb: Double, ab: Double) {
    var (aa, bb, ab) = (SIMD16<Float>(), SIMD16<Float>(), SIMD16<Float>())
    let whole = count / 16 * 16
    for i in stride(from: 0, to: whole, by: 16) {
        let x = UnsafeRawPointer(a + i).loadUnaligned(as: SIMD16<Float>.self)
        let y = UnsafeRawPointer(b + i).loadUnaligned(as: SIMD16<Float>.self)
        aa += x * x
        bb += y * y
        ab += x * y
    }
    var sums = (0.0, 0.0, 0.0)
    for lane in 0..<16 {
        sums = (sums.0 + Double(aa[lane]), sums.1 + Double(bb[lane]), sums.2 + Double(ab[lane]))
    }
    for i in whole..<count {
        let (x, y) = (Double(a[i]), Double(b[i]))
        sums = (sums.0 + x * x, sums.1 + y * y, sums.2 + x * y)
    }
    return (aa: sums.0, bb: sums.1, ab: sums.2)
}

extension Tape {
    /// 1 − cosine of student: [N, d] and teacher: [N, d], summed over rows and divided by normalizer.
    ///
    /// - Parameter normalizer: the number of positions in the whole optimizer step (N).
    public func featureCosine(_ student: Variable, teacher: Tensor, normalizer: Int) -> Variable {
        precondition(
            student.shape == teacher.shape, "featureCosine: student \(student.shape), teacher \(teacher.shape)")
        let (rows, width) = (teacher.rows, teacher.width)
        return Profile.measure(.loss) {
            var cosines = [Double](repeating: 0, count: rows)
            var factors = [(own: Float, other: Float)](repeating: (0, 0), count: rows)
            let values = student.value
            values.withUnsafeBufferPointer { student in
                teacher.withUnsafeBufferPointer { teacher in
                    cosines.withUnsafeMutableBufferPointer { cosines in
                        factors.withUnsafeMutableBufferPointer { factors in
                            // Each row is written by one thread.
                            nonisolated(unsafe) let (cosines, factors) = (cosines, factors)
                            Threads.forEachChunk(of: rows, grain: 64) { chunk in
                                for row in chunk {
                                    let (ss, tt, st) = products(
                                        student.baseAddress! + row * width, teacher.baseAddress! + row * width, width)
                                    guard ss > 0, tt > 0 else { continue }
                                    let product = (ss * tt).squareRoot()
                                    cosines[row] = st / product
                                    factors[row] = (Float(cosines[row] / ss), Float(-1 / product))
                                }
                            }
                        }
                    }
                }
            }
            let loss = cosines.reduce(0.0) { $0 + (1 - $1) } / Double(normalizer)
            return record(Tensor([Float(loss)], shape: [1]), from: student) {
                FeatureCosine(student: student, teacher: teacher, factors: factors, scale: 1 / Float(normalizer))
            }
        }
    }
}
