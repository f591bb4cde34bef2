"""Compares each converted network with the original file in its own runtime on the same pictures: LiteRT, or MediaPipe
where the network needs MediaPipe's own operators, dlib, TensorFlow.js.

The pictures are noise and smooth gradients from a fixed seed, so that every layer is exercised over a wide range and the
check needs no photo. Bounds are on the largest absolute difference of any output: both sides compute in 32-bit floats
and differ by the order of their sums only.
"""
import pathlib
import subprocess
import tempfile

import dlib
import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter

import attention
import dlib_resnet
import faceres as faceres_graph
import graph

PICTURES = 6


def pictures(size):
    """RGB pictures 0…1, NHWC with n = 1."""
    random = np.random.default_rng(20261122)
    y, x = np.mgrid[0:size, 0:size] / size
    for i in range(PICTURES):
        blobs = np.zeros((size, size, 3))
        for _ in range(40):
            cx, cy, r, *rgb = random.random(6)
            blobs += np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (0.02 + 0.1 * r * r))[..., None] * (np.array(rgb) - 0.3)
        noise = random.random((size, size, 3)) * [1, 0.2, 0][i % 3]
        steps = np.rint(255 * np.clip(0.4 + 0.3 * blobs + noise, 0, 1))  # MediaPipe takes 8-bit pictures
        yield (steps.astype(np.float32) / np.float32(255))[None]


def ramp(size):
    """A picture of whole numbers only, which the Go test makes too: triangle waves, a different one per colour."""
    y, x, c = np.mgrid[0:size, 0:size, 0:3]
    wave = (3 * x * (c + 1) + 6 * y) % 510
    return (np.minimum(wave, 510 - wave).astype(np.float32) / np.float32(255))[None]


def converted(data):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return lambda image: dict(zip(names, session.run(None, {"image": image})))


def original(data, scale=1.0, offset=0.0):
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    outputs = {o["name"]: o["index"] for o in interpreter.get_output_details()}

    def run(image):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image * np.float32(scale) + np.float32(offset))
        interpreter.invoke()
        return {n: interpreter.get_tensor(i) for n, i in outputs.items()}

    return run


def sigmoid(x):
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def compare(size, ours, theirs, bounds):
    """Runs both on every picture; theirs returns the wanted values by our output's name. Gives a line for the log and,
    for the Go test, some of the original's numbers for the ramp."""
    worst = dict.fromkeys(bounds, 0.0)
    for image in pictures(size):
        got, want = ours(image), theirs(image)
        for name in bounds:
            worst[name] = max(worst[name], float(np.abs(got[name] - want[name].reshape(got[name].shape)).max()))
    for name, bound in bounds.items():
        if not worst[name] <= bound:
            raise SystemExit(f"{name} differs from the original by {worst[name]:.3g}, more than {bound:.3g}")
    line = "differs from the original by at most " + ", ".join(f"{v:.2g} ({n})" for n, v in worst.items())
    want = {name: np.ravel(value) for name, value in theirs(ramp(size)).items()}
    return line, {name: {"bound": bounds[name], "every": step, "values": [float(f"{v:.7g}") for v in value[::step]]}
                  for name, value in want.items() for step in [max(1, len(value) // 64 | 1)]}


def detector(model, tflite, size, anchors, regressors, scores):
    run = original(tflite, 2.0, -1.0)

    def wanted(image):
        out = run(image)
        raw = out[regressors].reshape(len(anchors), 16).astype(np.float64)
        boxes = raw / size  # TensorsToDetectionsCalculator with reverse_output_order and anchors of size 1
        boxes[:, 0:2] += anchors
        boxes[:, 4::2] += anchors[:, :1]
        boxes[:, 5::2] += anchors[:, 1:]
        return {"boxes": boxes, "scores": sigmoid(out[scores])}

    return compare(size, converted(model), wanted, {"boxes": 1e-5, "scores": 1e-5})


def mesh(model, tflite, points, presence):
    run = original(tflite)

    def wanted(image):
        out = run(image)
        return {"points": out[points], "presence": sigmoid(out[presence])}

    return compare(192, converted(model), wanted, {"points": 2e-3, "presence": 1e-5})


def attention_mesh(model, tflite):
    names = ["output_mesh_identity", *attention.OUTPUTS, "conv_faceflag"]
    run = graph.runner(tflite, 192, names)

    def wanted(image):
        out = run(image)
        mesh = out["output_mesh_identity"].reshape(468, 3)
        points = np.zeros((478, 3), np.float64)
        points[:468] = mesh
        for name, target in zip(names[1:4], (attention.LIPS, attention.EYE_A, attention.EYE_B)):
            points[target, :2] = out[name].reshape(-1, 2)
        for first, name, eye in ((468, names[4], attention.EYE_A), (473, names[5], attention.EYE_B)):
            points[first:first + 5, :2] = out[name].reshape(-1, 2)
            points[first:first + 5, 2] = mesh[eye[:16], 2].mean()
        return {"points": points, "presence": sigmoid(out["conv_faceflag"])}

    return compare(192, converted(model), wanted, {"points": 2e-3, "presence": 1e-5})


def embedding(model, dat):
    """The bound is wider: the file keeps dlib's 32-bit weights with 16 bits."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.dat"
        path.write_bytes(dat)
        network = dlib.face_recognition_model_v1(str(path))

    def wanted(image):
        out = np.array(network.compute_face_descriptor(np.rint(image[0] * 255).astype(np.uint8)))
        return {"embedding": out / np.linalg.norm(out)}

    return compare(dlib_resnet.SIZE, converted(model), wanted, {"embedding": 5e-4})


def faceres(model, files, tensorflow):
    """One start of Node for all pictures: its plain JavaScript takes seconds to load."""
    inputs = [*pictures(faceres_graph.SIZE), ramp(faceres_graph.SIZE)]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, data in (("tf.js", tensorflow["dist/tf.min.js"]), ("graph.json", files[faceres_graph.GRAPH]),
                           ("weights.bin", files[faceres_graph.WEIGHTS])):
            (folder / name).write_bytes(data)
        names = []
        for n, image in enumerate(inputs):
            names.append(folder / f"{n}.raw")
            names[-1].write_bytes((image * np.float32(255)).astype("<f4").tobytes())
        out = subprocess.run(["node", pathlib.Path(__file__).with_name("tfjs.cjs"), folder / "tf.js", folder / "graph.json",
                              folder / "weights.bin", "global_pooling/Mean", str(faceres_graph.SIZE), *names],
                             check=True, stdout=subprocess.PIPE).stdout
    results = np.frombuffer(out, "<f4").reshape(len(inputs), -1)
    known = {image.tobytes(): r / np.linalg.norm(r) for image, r in zip(inputs, results)}
    return compare(faceres_graph.SIZE, converted(model), lambda image: {"embedding": known[image.tobytes()]}, {"embedding": 1e-5})
