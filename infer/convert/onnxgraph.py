"""An ONNX graph under construction: names are made up, constants are stored, outputs get plain shapes."""
import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


class Graph:
    def __init__(self):
        self.nodes, self.weights, self.inputs, self.outputs, self.names = [], {}, [], [], 0

    def node(self, kind, inputs, **attributes):
        """Adds a node with one output and returns that output's name."""
        name = self.fresh(kind)
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def fresh(self, stem):
        self.names += 1
        return f"{stem.lower()}_{self.names}"

    def weight(self, array, stem="w"):
        """Stores a constant; float16 is cast to float32 in the graph, which ONNX Runtime does once when it loads it."""
        name = self.fresh(stem)
        self.weights[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return self.node("Cast", [name], to=TensorProto.FLOAT) if array.dtype == np.float16 else name

    def half(self, array):
        """Stores weights with 16 bits."""
        return self.weight(array.astype(np.float16))

    def ints(self, *values):
        return self.weight(np.array(values, np.int64), "i")

    def floats(self, values):
        return self.weight(np.array(values, np.float32), "f")

    def input(self, name, shape):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, name, source, shape):
        """Declares an output of this shape, reshaping what there is."""
        self.nodes.append(helper.make_node("Reshape", [source, self.ints(*shape)], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def build(self, name):
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, list(self.weights.values()))
        return helper.make_model(graph, producer_name="twinsync", ir_version=9,
                                 opset_imports=[helper.make_opsetid("", OPSET)])
