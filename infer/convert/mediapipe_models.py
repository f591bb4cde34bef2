"""MediaPipe's face models as ONNX: what the networks give is decoded in the graph, so that users get plain numbers."""
import struct

import numpy as np

from tflite2onnx import Converter

FACE_DETECTION, FACE_MESH = "@mediapipe/face_detection", "@mediapipe/face_mesh"


def short_range_anchors():
    """SSD anchors of mediapipe/modules/face_detection/face_detection_short_range.pbtxt: strides 8, 16, 16, 16; two
    square anchors of fixed size per cell and layer."""
    return np.concatenate([grid(16, 2), grid(8, 6)])


def full_range_anchors():
    """SSD anchors of face_detection_full_range.pbtxt: stride 4, one anchor of fixed size per cell."""
    return grid(48, 1)


def grid(n, each):
    y, x = np.mgrid[0:n, 0:n].astype(np.float32)
    return np.repeat(np.stack([(x + 0.5) / n, (y + 0.5) / n], -1).reshape(-1, 2), each, axis=0)


def detector(data, size, anchors, regressors, scores):
    """Outputs: boxes [n, 16] as centre x, centre y, width, height, then six keypoints x, y (the person's right eye, left
    eye, nose tip, mouth, right ear, left ear), all 0…1 of the input picture; scores [n], probabilities."""
    c = Converter(data)
    c.picture("image", 2.0, -1.0)
    c.run()
    out, n = c.outs(), len(anchors)
    boxes = c.node("Div", [c.node("Reshape", [out[regressors], c.ints(n, 16)]), c.floats(size)])
    offset = np.zeros((n, 16), np.float32)
    offset[:, 0:2] = anchors
    offset[:, 4:] = np.tile(anchors, (1, 6))
    c.output("boxes", c.node("Add", [boxes, c.floats(offset)]), [n, 16])
    c.output("scores", c.node("Sigmoid", [out[scores]]), [n])
    return c


def mesh(data, points, presence):
    """Outputs: points [468, 3] in pixels of the input picture (z in the same unit, growing away from the viewer, 0 near
    the head's centre); presence [1], the probability that a face is there."""
    c = Converter(data)
    c.picture("image")
    c.run()
    out = c.outs()
    c.output("points", out[points], [468, 3])
    c.output("presence", c.node("Sigmoid", [out[presence]]), [1])
    return c


def fields(data):
    """The fields of a protocol buffer message as (number, value)."""
    i, found = 0, []

    def varint():
        nonlocal i
        value = shift = 0
        while True:
            byte = data[i]
            i += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while i < len(data):
        key = varint()
        if key & 7 == 0:
            found.append((key >> 3, varint()))
        elif key & 7 == 5:
            found.append((key >> 3, struct.unpack_from("<f", data, i)[0]))
            i += 4
        elif key & 7 == 2:
            n = varint()
            found.append((key >> 3, data[i:i + n]))
            i += n
        else:
            raise ValueError(f"wire type {key & 7}")
    return found


def canonical_obj(metadata):
    """The canonical face of GeometryPipelineMetadata (mediapipe/modules/face_geometry/protos) as a Wavefront OBJ:
    468 vertices in centimetres (y up, z towards the viewer), texture coordinates (v up), 898 triangles."""
    (parts,) = [v for n, v in fields(metadata) if n == 1]
    numbers = fields(parts)
    vertices = np.array([v for n, v in numbers if n == 3]).reshape(468, 5)
    triangles = np.array([v for n, v in numbers if n == 4]).reshape(898, 3) + 1
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices[:, :3]]
    lines += [f"vt {u:.6f} {1 - v:.6f}" for u, v in vertices[:, 3:]]
    lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in triangles]
    return "\n".join(lines) + "\n"
