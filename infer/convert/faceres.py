"""HSE-FaceRes (a MobileNet with 1024 numbers at its end) from its TensorFlow.js graph to ONNX.

The graph is a chain; its names say what a weight is for: conv1, then conv_dw_N (each channel for itself) and conv_pw_N
(1×1), each with batch normalisation, and a ReLU cut off at 6. The heads that guess age and gender are left out.
"""
import json

import numpy as np

from onnxgraph import Graph

SIZE = 224
GRAPH, WEIGHTS = "models/faceres.json", "models/faceres.bin"


def tensors(files):
    """The weights by name. They have 16 bits in the file."""
    manifest = json.loads(files[GRAPH])["weightsManifest"][0]["weights"]
    found, at = {}, 0
    for w in manifest:
        kind = w.get("quantization", w)["dtype"]
        count = int(np.prod(w["shape"], dtype=np.int64))
        array = np.frombuffer(files[WEIGHTS], kind, count, at)
        found[w["name"]] = array.reshape(w["shape"])
        at += array.nbytes
    if at != len(files[WEIGHTS]):
        raise SystemExit(f"{WEIGHTS} holds {len(files[WEIGHTS])} bytes, its index {at}")
    return found


def embedding(files):
    """Input: image [1, 224, 224, 3]. Output: embedding [1024], of length 1."""
    nodes = {n["name"]: n for n in json.loads(files[GRAPH])["modelTopology"]["node"]}
    w = tensors(files)
    g = Graph()
    x = g.node("Mul", [g.input("image", [1, SIZE, SIZE, 3]), g.floats(255)])
    x = g.node("Transpose", [x], perm=[0, 3, 1, 2])

    def conv(x, weights, layer, stride, group=1):
        bias = w[f"{layer}_bn/batchnorm_1/sub"].astype(np.float32)
        x = g.node("Conv", [x, weights, g.floats(bias)], strides=[stride, stride], auto_pad="SAME_UPPER", group=group)
        return g.node("Clip", [x, g.floats(0), g.floats(6)])

    def stride(node):
        return int(nodes[node]["attr"]["strides"]["list"]["i"][1])

    def plain(layer):  # HWIO to OIHW
        return g.half(w[f"{layer}/convolution/merged_input"].transpose(3, 2, 0, 1))

    x = conv(x, plain("conv1"), "conv1", stride("conv1_bn/batchnorm_1/mul_1"))
    for n in range(1, 14):
        kernel = w[f"conv_dw_{n}/depthwise_kernel"].astype(np.float32).transpose(2, 3, 0, 1)  # HWC1 to C1HW
        gain = w[f"conv_dw_{n}_bn/batchnorm_1/mul"].astype(np.float32)
        x = conv(x, g.weight(kernel * gain[:, None, None, None]), f"conv_dw_{n}", stride(f"conv_dw_{n}/depthwise"), len(gain))
        x = conv(x, plain(f"conv_pw_{n}"), f"conv_pw_{n}", 1)
    x = g.node("ReduceMean", [x], axes=[2, 3], keepdims=0)
    g.output("embedding", g.node("LpNormalization", [x], axis=1, p=2), [1024])
    return g
