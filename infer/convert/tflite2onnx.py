"""Turns a TensorFlow Lite file into an ONNX graph, for the operators that MediaPipe's face models use.

The picture input keeps TFLite's layout (NHWC); inside, activations are NCHW, which ONNX Runtime's convolutions want.
Weights stay 16 bit in the file where TFLite stored them so (a Cast that ONNX Runtime folds when it loads the graph).
Anything unknown stops the conversion: nothing is approximated.
"""
import numpy as np
import tflite

from onnxgraph import Graph

NAMES = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}
DTYPES = {tflite.TensorType.FLOAT32: np.float32, tflite.TensorType.FLOAT16: np.float16,
          tflite.TensorType.INT32: np.int32, tflite.TensorType.INT64: np.int64}


class Converter(Graph):
    """Builds one graph. `values` maps a TFLite tensor to its ONNX name; a tensor of four axes is held as NCHW there,
    unless its name is in `flat`, which holds tensors in TFLite's own layout."""

    def __init__(self, data):
        super().__init__()
        self.model = tflite.Model.GetRootAs(data, 0)
        assert self.model.SubgraphsLength() == 1
        self.graph = self.model.Subgraphs(0)
        self.values, self.flat, self.constants, self.padded = {}, {}, {}, {}

    def shape(self, t):
        tensor = self.graph.Tensors(t)
        return [int(n) for n in tensor.ShapeAsNumpy()] if tensor.ShapeLength() else []

    def constant(self, t):
        """The tensor's stored value, or None. 16-bit weights come as float16."""
        if t in self.constants:
            return self.constants[t]
        tensor = self.graph.Tensors(t)
        buffer = self.model.Buffers(tensor.Buffer())
        if not buffer.DataLength():
            return None
        assert not tensor.Sparsity(), "sparse weights"
        assert not (tensor.Quantization() and tensor.Quantization().ScaleLength()), "quantised weights"
        return np.frombuffer(buffer.DataAsNumpy().tobytes(), DTYPES[tensor.Type()]).reshape(self.shape(t))

    def options(self, op, kind):
        o, table = kind(), op.BuiltinOptions()
        o.Init(table.Bytes, table.Pos)
        return o

    def nchw(self, t):
        """The name of the activation t, NCHW when it has four axes."""
        if t in self.values:
            return self.values[t]
        if t in self.flat:
            assert len(self.shape(t)) == 4
            self.values[t] = self.node("Transpose", [self.flat[t]], perm=[0, 3, 1, 2])
            return self.values[t]
        c = self.constant(t)
        assert c is not None, f"tensor {t} has no value"
        return self.weight(c.transpose(0, 3, 1, 2) if c.ndim == 4 else c)

    def nhwc(self, t):
        """The name of the activation t in TFLite's own layout."""
        if t in self.flat:
            return self.flat[t]
        if t not in self.values:
            return self.weight(self.constant(t))
        shape = self.shape(t)
        if len(shape) != 4:
            return self.values[t]
        if shape[1] == shape[2] == 1:  # the two layouts are the same numbers in the same order
            self.flat[t] = self.node("Reshape", [self.values[t], self.ints(*shape)])
        else:
            self.flat[t] = self.node("Transpose", [self.values[t]], perm=[0, 2, 3, 1])
        return self.flat[t]

    def activate(self, name, kind):
        if kind == tflite.ActivationFunctionType.NONE:
            return name
        if kind == tflite.ActivationFunctionType.RELU:
            return self.node("Relu", [name])
        if kind == tflite.ActivationFunctionType.RELU6:
            return self.node("Clip", [name, self.floats(0), self.floats(6)])
        raise NotImplementedError(f"activation {kind}")

    def pads(self, padding, size, kernel, stride, dilation, before):
        """ONNX pads (top, left, bottom, right) of a window operation; `before` is an explicit PAD taken into it."""
        if padding == tflite.Padding.VALID:
            return before or [0, 0, 0, 0]
        assert not before
        lo, hi = [], []
        for n, k, s, d in zip(size, kernel, stride, dilation):
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            lo.append(total // 2)
            hi.append(total - total // 2)
        return lo + hi

    def window(self, t):
        """The input of a convolution with the zero padding that a PAD before it asked for."""
        if t in self.padded:
            source, pads = self.padded[t]
            return self.nchw(source), self.shape(source)[1:3], pads
        return self.nchw(t), self.shape(t)[1:3], None

    def convolution(self, op, depthwise):
        x, w, *b = [int(i) for i in op.InputsAsNumpy()]
        o = self.options(op, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
        kernel = self.constant(w)
        source, size, before = self.window(x)
        if depthwise:  # 1, kh, kw, channels
            assert o.DepthMultiplier() == 1
            groups, shaped = kernel.shape[3], kernel.transpose(3, 0, 1, 2)
        else:  # out, kh, kw, in
            groups, shaped = 1, kernel.transpose(0, 3, 1, 2)
        stride, dilation = [o.StrideH(), o.StrideW()], [o.DilationHFactor(), o.DilationWFactor()]
        pads = self.pads(o.Padding(), size, kernel.shape[1:3], stride, dilation, before)
        inputs = [source, self.weight(shaped)]
        if b and b[0] >= 0:
            inputs.append(self.weight(self.constant(b[0])))
        name = self.node("Conv", inputs, kernel_shape=list(kernel.shape[1:3]), strides=stride, dilations=dilation,
                         group=groups, pads=pads)
        return self.activate(name, o.FusedActivationFunction())

    def pad(self, op):
        """A PAD of rows and columns before valid convolutions goes into them; channels are padded by a node."""
        x, p = [int(i) for i in op.InputsAsNumpy()[:2]]
        out = int(op.OutputsAsNumpy()[0])
        pads = self.constant(p)
        assert pads.shape == (4, 2) and not pads[0].any()
        spatial, channels = pads[1:3], pads[3]
        users = [o for o in self.operators() if out in o.InputsAsNumpy()]
        if not channels.any() and all(self.name(o) in ("CONV_2D", "DEPTHWISE_CONV_2D") for o in users):
            self.padded[out] = x, [int(n) for n in (*spatial[:, 0], *spatial[:, 1])]
            return None
        order = [pads[0], channels, *spatial]
        return self.node("Pad", [self.nchw(x), self.ints(*[a for a, _ in order], *[b for _, b in order])])

    def max_pool(self, op):
        x, o = int(op.InputsAsNumpy()[0]), self.options(op, tflite.Pool2DOptions)
        kernel, stride = [o.FilterHeight(), o.FilterWidth()], [o.StrideH(), o.StrideW()]
        pads = self.pads(o.Padding(), self.shape(x)[1:3], kernel, stride, [1, 1], None)
        return self.activate(self.node("MaxPool", [self.nchw(x)], kernel_shape=kernel, strides=stride, pads=pads),
                             o.FusedActivationFunction())

    def resize(self, op):
        x, out, o = int(op.InputsAsNumpy()[0]), int(op.OutputsAsNumpy()[0]), self.options(op, tflite.ResizeBilinearOptions)
        mode = "half_pixel" if o.HalfPixelCenters() else "align_corners" if o.AlignCorners() else "asymmetric"
        n, h, w, c = self.shape(out)
        return self.node("Resize", [self.nchw(x), "", "", self.ints(n, c, h, w)], mode="linear",
                         coordinate_transformation_mode=mode)

    def prelu(self, op):
        x, a = [int(i) for i in op.InputsAsNumpy()]
        slope = self.constant(a)
        assert slope.size == slope.shape[-1]
        slope = slope.astype(np.float32).reshape(-1, 1, 1, 1)
        x = self.nchw(x)
        # As slope * x + (1 - slope) * relu(x), each product a convolution of single channels: through these ONNX
        # Runtime keeps its blocked layout. Its own PRelu wants another, and branches on every number's sign, which
        # real pictures make unpredictable: the mesh with attention took three times as long.
        scaled = [self.node("Conv", [a, self.weight(k)], kernel_shape=[1, 1], group=len(slope))
                  for a, k in ((x, slope), (self.node("Relu", [x]), 1 - slope))]
        return self.node("Add", scaled[::-1])

    def binary(self, op, kind, options):
        a, b = [int(i) for i in op.InputsAsNumpy()]
        assert self.constant(a) is None
        if self.constant(b) is None:
            names = [self.nchw(a), self.nchw(b)]
            assert self.shape(a) == self.shape(b)
        else:
            value = self.constant(b)
            assert value.size == 1
            names = [self.nchw(a), self.weight(value.reshape(-1)[:1])]
        return self.activate(self.node(kind, names), self.options(op, options).FusedActivationFunction())

    def operators(self):
        return [self.graph.Operators(i) for i in range(self.graph.OperatorsLength())]

    def name(self, op):
        code = self.model.OperatorCodes(op.OpcodeIndex())
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        return code.CustomCode().decode() if builtin == tflite.BuiltinOperator.CUSTOM else NAMES[builtin]

    def operator(self, op):
        kind, out = self.name(op), int(op.OutputsAsNumpy()[0])
        if kind == "DEQUANTIZE":
            value = self.constant(int(op.InputsAsNumpy()[0]))
            assert value is not None and value.dtype == np.float16
            self.constants[out] = value
        elif kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            self.values[out] = self.convolution(op, kind != "CONV_2D")
        elif kind == "PAD":
            name = self.pad(op)
            if name:
                self.values[out] = name
        elif kind == "MAX_POOL_2D":
            self.values[out] = self.max_pool(op)
        elif kind == "RESIZE_BILINEAR":
            self.values[out] = self.resize(op)
        elif kind == "PRELU":
            self.values[out] = self.prelu(op)
        elif kind == "RELU":
            self.values[out] = self.node("Relu", [self.nchw(int(op.InputsAsNumpy()[0]))])
        elif kind == "ADD":
            self.values[out] = self.binary(op, "Add", tflite.AddOptions)
        elif kind == "MUL":
            self.values[out] = self.binary(op, "Mul", tflite.MulOptions)
        elif kind == "RESHAPE":
            self.flat[out] = self.node("Reshape", [self.nhwc(int(op.InputsAsNumpy()[0])), self.ints(*self.shape(out))])
        elif kind == "CONCATENATION":
            o = self.options(op, tflite.ConcatenationOptions)
            assert o.FusedActivationFunction() == tflite.ActivationFunctionType.NONE
            self.flat[out] = self.node("Concat", [self.nhwc(int(i)) for i in op.InputsAsNumpy()], axis=o.Axis())
        else:
            self.special(kind, op)

    def special(self, kind, op):
        """The operators that only some models have; a subclass adds them."""
        raise NotImplementedError(kind)

    def picture(self, name, scale=1.0, offset=0.0):
        """Declares the model's picture input: RGB 0…1 (NHWC), brought to the network's own range by scale and offset."""
        assert self.graph.InputsLength() == 1
        t = self.graph.Inputs(0)
        self.input(name, self.shape(t))
        if (scale, offset) != (1.0, 0.0):
            name = self.node("Add", [self.node("Mul", [name, self.floats(scale)]), self.floats(offset)])
        self.flat[t] = name

    def run(self):
        for op in self.operators():
            self.operator(op)

    def outs(self):
        """TFLite's outputs by name, in its own layout."""
        return {self.graph.Tensors(t).Name().decode(): self.nhwc(t)
                for t in (self.graph.Outputs(i) for i in range(self.graph.OutputsLength()))}
