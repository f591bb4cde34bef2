"""Makes the embedded networks again from their sources and checks each against its original runtime.

    convert.py            writes infer/models/*.onnx, infer/testdata/original.json and face/canonical.obj
    convert.py --check    writes nothing, and fails where a committed file differs
"""
import argparse
import json
import pathlib
import sys

import onnx

import attention
import check
import dlib_resnet
import faceres
import mediapipe_models as mp
import sources

ROOT = pathlib.Path(__file__).resolve().parents[2]


def models():
    """Yields (file name, converter, check) for every network."""
    detection = sources.package(mp.FACE_DETECTION)
    bundle = sources.assets(sources.package(mp.FACE_MESH), "face_mesh_solution_packed_assets_loader.js",
                            "face_mesh_solution_packed_assets.data")
    short, full = detection["face_detection_short_range.tflite"], detection["face_detection_full_range.tflite"]
    plain = bundle["face_landmark.tflite"]
    yield ("face_detect_short.onnx",
           mp.detector(short, 128, mp.short_range_anchors(), "regressors", "classificators"),
           lambda m: check.detector(m, short, 128, mp.short_range_anchors(), "regressors", "classificators"))
    names = "reshaped_regressor_face_4", "reshaped_classifier_face_4"
    yield ("face_detect_full.onnx", mp.detector(full, 192, mp.full_range_anchors(), *names),
           lambda m: check.detector(m, full, 192, mp.full_range_anchors(), *names))
    yield ("face_mesh.onnx", mp.mesh(plain, "conv2d_21", "conv2d_31"),
           lambda m: check.mesh(m, plain, "conv2d_21", "conv2d_31"))
    refined = bundle["face_landmark_with_attention.tflite"]
    yield "face_mesh_attention.onnx", attention.mesh(refined), lambda m: check.attention_mesh(m, refined)
    recognition = sources.python_package("face_recognition_models")[
        "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"]
    yield "face_embedding.onnx", dlib_resnet.embedding(recognition), lambda m: check.embedding(m, recognition)
    description = sources.package("@vladmandic/human")
    yield ("face_res.onnx", faceres.embedding(description),
           lambda m: check.faceres(m, description, sources.package("@tensorflow/tfjs")))
    yield "../../face/canonical.obj", mp.canonical_obj(bundle["geometry_pipeline_metadata_landmarks.binarypb"]), None


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing; fail where a committed file differs")
    only_check = arguments.parse_args().check
    files, originals = {}, {}
    for name, made, verify in models():
        if verify:
            model = made.build(pathlib.Path(name).stem)
            onnx.checker.check_model(model, full_check=True)
            files[name] = model.SerializeToString(deterministic=True)
            line, originals[name] = verify(files[name])
        else:
            files[name], line = made.encode(), "as in the package"
        print(f"{pathlib.Path(name).name}: {len(files[name])} bytes; {line}")
    files["../testdata/original.json"] = (json.dumps(originals) + "\n").encode()
    different = []
    for name, data in files.items():
        path = (ROOT / "infer/models" / name).resolve()
        if not only_check:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        elif name.endswith(".json"):
            continue  # its last digits depend on the processor; the bounds above have been checked
        elif path.read_bytes() != data:
            different.append(path.name)
    if different:
        sys.exit("not as committed: " + ", ".join(different))


main()
