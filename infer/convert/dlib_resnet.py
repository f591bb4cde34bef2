"""dlib's face recognition network (29 convolutions, 128 numbers) from its .dat file to ONNX.

The layers are those of anet_type in dlib's examples/dnn_face_recognition_ex.cpp. In the file every layer's parameters
are one tensor: a version (2), four sizes as dlib's variable-length integers, then 32-bit little-endian floats. The
sequence of sizes is known, so the file is searched for exactly that sequence.
"""
import numpy as np

from onnxgraph import Graph

SIZE = 150
MEAN = np.array([122.782, 117.001, 104.298], np.float32)  # input_rgb_image_sized's defaults, then divided by 256
# (filters, residual blocks, whether the first halves the picture): alevel4 … alevel0
LEVELS = [(32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True)]


def integer(data, at):
    """dlib's integer: a byte with the number of bytes and, in its top bit, the sign; then those bytes."""
    size = data[at] & 15
    value = int.from_bytes(data[at + 1:at + 1 + size], "little")
    return (-value if data[at] & 128 else value), at + 1 + size


def tensors(data, shapes):
    """Finds tensors of these shapes, in this order."""
    found, at = [], 0
    for shape in shapes:
        while True:
            at = data.index(b"\x01\x02", at)  # the version
            try:
                sizes, end = [], at + 2
                for _ in range(4):
                    value, end = integer(data, end)
                    sizes.append(value)
            except IndexError:
                raise SystemExit(f"no tensor {shape} in the file") from None
            if tuple(sizes) == shape:
                break
            at += 1
        count = int(np.prod(shape))
        found.append(np.frombuffer(data, "<f4", count, end))
        at = end + 4 * count
    return found


def convolutions():
    """(inputs, filters, kernel) of every convolution, first to last."""
    out, inputs = [(3, 32, 7)], 32
    for filters, blocks, _ in LEVELS:
        for _ in range(blocks):
            out += [(inputs, filters, 3), (filters, filters, 3)]
            inputs = filters
    return out


def embedding(data):
    """Input: image [1, 150, 150, 3]. Output: embedding [128], of length 1."""
    shapes = []
    for i, o, k in convolutions():
        shapes += [(i * o * k * k + o, 1, 1, 1), (2 * o, 1, 1, 1)]
    stored = tensors(data, shapes + [(256, 128, 1, 1)])
    g = Graph()
    x = g.node("Mul", [g.input("image", [1, SIZE, SIZE, 3]), g.floats(255 / 256)])
    x = g.node("Transpose", [g.node("Sub", [x, g.floats(MEAN / 256)])], perm=[0, 3, 1, 2])
    layers = iter([(stored[2 * n], stored[2 * n + 1], *c) for n, c in enumerate(convolutions())])

    def conv(x, stride):
        """A convolution with the affine layer after it folded in; dlib pads only where it does not stride."""
        weights, affine, i, o, k = next(layers)
        gain, offset = affine[:o], affine[o:]
        w = weights[:-o].reshape(o, i, k, k) * gain[:, None, None, None]
        b = weights[-o:] * gain + offset
        pad = 0 if stride > 1 else k // 2
        return g.node("Conv", [x, g.half(w), g.floats(b)], kernel_shape=[k, k], strides=[stride, stride], pads=[pad] * 4)

    x, size, channels = g.node("Relu", [conv(x, 2)]), (SIZE - 7) // 2 + 1, 32
    x, size = g.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2]), (size - 3) // 2 + 1
    for filters, blocks, halve in LEVELS:
        for n in range(blocks):
            down = halve and n == 0
            y = conv(g.node("Relu", [conv(x, 2 if down else 1)]), 1)
            if down:
                # The two ways may differ in size; dlib adds them as if the smaller had zeros right, below and behind.
                short = g.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
                a, b = (size - 3) // 2 + 1, (size - 2) // 2 + 1
                if a < b:
                    y = g.node("Pad", [y, g.ints(0, 0, 0, 0, 0, 0, b - a, b - a)])
                if channels < filters:
                    short = g.node("Pad", [short, g.ints(0, 0, 0, 0, 0, filters - channels, 0, 0)])
                x, size, channels = short, b, filters
            x = g.node("Relu", [g.node("Add", [y, x])])
    x = g.node("Reshape", [g.node("ReduceMean", [x], axes=[2, 3], keepdims=0), g.ints(1, 256)])
    x = g.node("MatMul", [x, g.half(stored[-1].reshape(256, 128))])
    g.output("embedding", g.node("LpNormalization", [x], axis=1, p=2), [128])
    return g
