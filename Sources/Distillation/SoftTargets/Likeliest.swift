extension UnsafeBufferPointer<Float> {
    /// The ids of the largest logits, by falling logit, the smaller id first among equals. NaN is never among them.
    public func likeliest(into ids: UnsafeMutableBufferPointer<Int32>) {
        // A heap whose root is the worst kept: whatever comes later and is no larger stays out.
        let (z, k) = (self, ids.count)
        func isWorse(_ a: Int32, _ b: Int32) -> Bool {
            let (x, y) = (z[Int(a)], z[Int(b)])
            return x < y || x == y && a > b
        }
        func sink(_ start: Int, _ count: Int) {
            var place = start
            while true {
                var worst = place
                for child in [2 * place + 1, 2 * place + 2] where child < count && isWorse(ids[child], ids[worst]) {
                    worst = child
                }
                guard worst != place else { return }
                ids.swapAt(place, worst)
                place = worst
            }
        }
        for place in 0..<k { ids[place] = Int32(place) }
        for place in stride(from: k / 2 - 1, through: 0, by: -1) { sink(place, k) }
        var threshold = z[Int(ids[0])]
        for index in k..<z.count where z[index] > threshold || threshold.isNaN {
            ids[0] = Int32(index)
            sink(0, k)
            threshold = z[Int(ids[0])]
        }
        // Taking the worst off the heap, one after another, leaves the best in front.
        for count in stride(from: k - 1, to: 0, by: -1) {
            ids.swapAt(0, count)
            sink(0, count)
        }
    }
}
