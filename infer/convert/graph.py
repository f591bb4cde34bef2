"""Runs a TensorFlow Lite file with MediaPipe's own operators in MediaPipe itself."""
import pathlib
import tempfile

import mediapipe
import numpy as np
# Their options are named in the graph below; importing registers them.
from mediapipe.calculators.core import split_vector_calculator_pb2  # noqa: F401
from mediapipe.calculators.tensor import image_to_tensor_calculator_pb2, inference_calculator_pb2  # noqa: F401
from mediapipe.calculators.tflite import tflite_custom_op_resolver_calculator_pb2  # noqa: F401
from mediapipe.python import packet_creator, packet_getter

GRAPH = """
input_stream: "image"
input_side_packet: "path"
node { calculator: "LocalFileContentsCalculator"
  input_side_packet: "FILE_PATH:path" output_side_packet: "CONTENTS:blob" }
node { calculator: "TfLiteModelCalculator"
  input_side_packet: "MODEL_BLOB:blob" output_side_packet: "MODEL:model" }
node { calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:operators"
  options { [mediapipe.TfLiteCustomOpResolverCalculatorOptions.ext] { use_gpu: false } } }
node { calculator: "ImageToTensorCalculator" input_stream: "IMAGE:image" output_stream: "TENSORS:in"
  options { [mediapipe.ImageToTensorCalculatorOptions.ext] {
    output_tensor_width: SIZE output_tensor_height: SIZE output_tensor_float_range { min: 0.0 max: 1.0 } } } }
node { calculator: "InferenceCalculator" input_stream: "TENSORS:in" output_stream: "TENSORS:out"
  input_side_packet: "MODEL:model" input_side_packet: "OP_RESOLVER:operators"
  options { [mediapipe.InferenceCalculatorOptions.ext] { delegate { xnnpack {} } } } }
node { calculator: "SplitTensorVectorCalculator" input_stream: "out" PARTS
  options { [mediapipe.SplitVectorCalculatorOptions.ext] { RANGES } } }
"""


def runner(model, size, names):
    """A function from a picture of whole 8-bit steps (0…1, NHWC) to the model's outputs by name, in the file's order."""
    folder = tempfile.TemporaryDirectory()
    path = pathlib.Path(folder.name) / "model.tflite"
    path.write_bytes(model)
    text = GRAPH.replace("SIZE", str(size))
    text = text.replace("PARTS", " ".join(f'output_stream: "t{i}"' for i in range(len(names))))
    text = text.replace("RANGES", " ".join(f"ranges {{ begin: {i} end: {i + 1} }}" for i in range(len(names))))
    for i in range(len(names)):
        text += f'node {{ calculator: "TensorsToFloatsCalculator" input_stream: "TENSORS:t{i}" output_stream: "FLOATS:f{i}" }}\n'
        text += f'output_stream: "f{i}"\n'
    graph, got = mediapipe.CalculatorGraph(graph_config=text), {}
    for i, name in enumerate(names):
        graph.observe_output_stream(
            f"f{i}", lambda _, packet, name=name: got.__setitem__(name, np.array(packet_getter.get_float_list(packet), np.float32)))
    graph.start_run({"path": packet_creator.create_string(str(path))})
    at = 0

    def run(image):
        nonlocal at
        _ = folder  # the file lives as long as this function
        got.clear()
        at += 1
        picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.rint(image[0] * 255).astype(np.uint8))
        graph.add_packet_to_input_stream("image", packet_creator.create_image(picture).at(at))
        graph.wait_until_idle()
        return dict(got)

    return run
