"""MediaPipe's mesh with attention: its own operators in standard ONNX, and the refinement of lips, eyes and irises.

The network finds 468 points, cuts the feature map around the lips and each eye (aligned with the mouth's or the eye's
corners, 16×16), finds those points again there and maps them back. Semantics as in mediapipe/util/tflite/operations
(version 2 of each) and mediapipe/modules/face_landmark/tensors_to_face_landmarks_with_attention.pbtxt.
"""
import numpy as np
from flatbuffers import flexbuffers

from tflite2onnx import Converter

# LandmarksRefinementCalculator's mappings: which point of the mesh each refined point replaces (x and y only).
LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
        78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
        76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
        62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407]
EYE_A = [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
         130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
         226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
         35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245,
         156, 70, 63, 105, 66, 107, 55, 193]
EYE_B = [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
         359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
         446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413,
         265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465,
         383, 300, 293, 334, 296, 336, 285, 417]
CONTOUR = 16  # the first points of an eye are its lid contour; an iris has their mean depth

# The network's outputs; MediaPipe's "left" is the eye on the left of the picture, the person's right one.
OUTPUTS = ["output_lips", "output_left_eye", "output_right_eye", "output_left_iris", "output_right_iris"]


class Attention(Converter):
    """A transform of MediaPipe's is a 4×4 matrix of which only x, y → x, y matters: held as names of A [2, 2], b [2]."""

    def __init__(self, data):
        super().__init__(data)
        self.transforms = {}

    def special(self, kind, op):
        inputs, out = [int(i) for i in op.InputsAsNumpy()], int(op.OutputsAsNumpy()[0])
        attributes = flexbuffers.Loads(bytes(op.CustomOptionsAsNumpy())) if op.CustomOptionsLength() else {}
        if kind == "Landmarks2TransformMatrix":
            self.transforms[out] = self.crop(self.nhwc(inputs[0]), attributes)
        elif kind == "TransformTensorBilinear":
            self.values[out] = self.sample(inputs[0], self.transforms[inputs[1]], attributes)
        elif kind == "TransformLandmarks":
            a, b = self.transforms[inputs[1]]
            moved = self.node("MatMul", [self.nhwc(inputs[0]), self.node("Transpose", [a], perm=[1, 0])])
            self.flat[out] = self.node("Add", [moved, b])
        elif kind == "STRIDED_SLICE":
            assert self.shape(inputs[0]) == self.shape(out) and not self.constant(inputs[1]).any()
            assert (self.constant(inputs[3]) == 1).all()
            self.flat[out] = self.nhwc(inputs[0])
        else:
            super().special(kind, op)

    def binary(self, op, kind, options):
        a, b = [int(i) for i in op.InputsAsNumpy()]
        out = int(op.OutputsAsNumpy()[0])
        if a in self.transforms:
            factor = self.constant(b)[0].astype(np.float32)
            self.transforms[out] = (self.node(kind, [self.transforms[a][0], self.floats(factor[:2, :2])]),
                                    self.node(kind, [self.transforms[a][1], self.floats(factor[:2, 3])]))
            return None
        if len(self.shape(a)) == 3:
            assert self.constant(b).size == 1
            return self.node(kind, [self.nhwc(a), self.weight(self.constant(b).reshape(1))])
        return super().binary(op, kind, options)

    def crop(self, points, attributes):
        """From the cut-out's pixels to the feature map's: centred on the subset's box in axes turned with the line from
        the left to the right corner, the box enlarged by scale."""
        assert attributes["target_rotation_radians"] == 0
        width, height = attributes["output_width"], attributes["output_height"]
        points = self.node("Reshape", [points, self.ints(468, 3)])
        points = self.node("Slice", [points, self.ints(0), self.ints(2), self.ints(1)])
        corners = [self.node("Gather", [points, self.ints(attributes[k])], axis=0)
                   for k in ("left_rotation_idx", "right_rotation_idx")]
        line = self.node("Sub", [corners[1], corners[0]])
        length = self.node("Max", [self.node("ReduceL2", [line], axes=[1], keepdims=1), self.floats([[1e-9]])])
        direction = self.node("Div", [line, length])  # [1, 2]: cos, sin
        normal = self.node("MatMul", [direction, self.floats([[0, 1], [-1, 0]])])  # [1, 2]: -sin, cos
        turn = self.node("Concat", [direction, normal], axis=0)  # rows are the new axes
        back = self.node("Transpose", [turn], perm=[1, 0])
        subset = self.node("Gather", [points, self.ints(*attributes["subset_idxs"])], axis=0)
        level = self.node("MatMul", [subset, back])
        high = self.node("ReduceMax", [level], axes=[0], keepdims=1)
        low = self.node("ReduceMin", [level], axes=[0], keepdims=1)
        middle = self.node("Mul", [self.node("Add", [high, low]), self.floats(0.5)])
        centre = self.node("MatMul", [middle, turn])  # [1, 2]
        size = self.node("Mul", [self.node("Sub", [high, low]),
                                 self.floats([[attributes["scale_x"] / width, attributes["scale_y"] / height]])])
        a = self.node("Mul", [back, size])  # columns scaled
        half = self.node("MatMul", [a, self.floats([[width / 2], [height / 2]])])
        b = self.node("Sub", [self.node("Reshape", [centre, self.ints(2)]), self.node("Reshape", [half, self.ints(2)])])
        return a, b

    def sample(self, source, transform, attributes):
        """Bilinear samples at the transformed pixel centres; nothing (0) where they lie outside the outer centres."""
        width, height = attributes["output_width"], attributes["output_height"]
        _, h, w, _ = self.shape(source)
        a, b = transform
        y, x = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
        at = self.node("MatMul", [self.floats(np.stack([x.ravel(), y.ravel()], -1)),
                                  self.node("Transpose", [a], perm=[1, 0])])
        at = self.node("Add", [at, self.node("Sub", [b, self.floats(0.5)])])
        grid = self.node("Sub", [self.node("Mul", [at, self.floats([2 / (w - 1), 2 / (h - 1)])]), self.floats(1)])
        sampled = self.node("GridSample", [self.nchw(source), self.node("Reshape", [grid, self.ints(1, height, width, 2)])],
                            mode="bilinear", padding_mode="zeros", align_corners=1)
        inside = self.node("LessOrEqual", [self.node("ReduceMax", [self.node("Abs", [grid])], axes=[1], keepdims=1), self.floats(1)])
        inside = self.node("Reshape", [self.node("Cast", [inside], to=1), self.ints(1, 1, height, width)])
        return self.node("Mul", [sampled, inside])


def order():
    """Where each of the 478 refined x, y lies in mesh, lips, eye A, eye B, iris A, iris B laid end to end."""
    index, start = np.arange(468), 468
    for group in (LIPS, EYE_A, EYE_B):
        index[group] = np.arange(start, start + len(group))
        start += len(group)
    return np.concatenate([index, np.arange(start, start + 10)])


def mesh(data):
    """Outputs: points [478, 3] as face_mesh's with ten more, the irises (centre, right, top, left and bottom of the
    person's right one, then of the left one); presence [1], the probability that a face is there."""
    c = Attention(data)
    c.picture("image")
    c.run()
    out = c.outs()
    points = c.node("Reshape", [out["output_mesh_identity"], c.ints(468, 3)])
    xy = [c.node("Slice", [points, c.ints(0), c.ints(2), c.ints(1)])]
    xy += [c.node("Reshape", [out[name], c.ints(-1, 2)]) for name in OUTPUTS]
    xy = c.node("Gather", [c.node("Concat", xy, axis=0), c.weight(order(), "i")], axis=0)
    z = c.node("Slice", [points, c.ints(2), c.ints(3), c.ints(1)])
    depths = [z]
    for eye in (EYE_A, EYE_B):
        lids = c.node("Gather", [z, c.ints(*eye[:CONTOUR])], axis=0)
        depths.append(c.node("Expand", [c.node("ReduceMean", [lids], axes=[0], keepdims=1), c.ints(5, 1)]))
    c.output("points", c.node("Concat", [xy, c.node("Concat", depths, axis=0)], axis=1), [478, 3])
    c.output("presence", c.node("Sigmoid", [out["conv_faceflag"]]), [1])
    return c
