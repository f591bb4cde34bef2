"""Where the networks come from: packages with a stated open licence, pinned by version and integrity."""
import base64
import hashlib
import io
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

PACKAGES = {  # name: (version, integrity as the registry states it, licence as the package states it)
    "@mediapipe/face_detection": (
        "0.4.1657300184",
        "sha512-k5aYtTf7av7GwD3C9T4LJB/okHK/uJwFQSOmJ9OHZMlwg7SdYVMolRgDlA962OU7fIBKsrOA7f7BzD2gpzcAKw==",
        "Apache-2.0"),
    "@mediapipe/face_mesh": (
        "0.4.1657299874",
        "sha512-Jdza+77HjDH4SQ6/DAYmnKUYdh2fU1GbhuGqXZbkK5rnJKpZLZe5KQeJmwUq9dmkYkCPSq4oe9vmcuveRPpwag==",
        "Apache-2.0"),
    "@vladmandic/human": (
        "3.3.6",
        "sha512-Nr5mPfq1gQ+uKeXY5uM3Fj8UxvF5CEh2s6txM5wRThqaW0mF9huooOuZSrT8hhGho0hGaXLFdAwfD/2+teCv6A==",
        "MIT"),
    "@tensorflow/tfjs": (  # only to check the network of the package above
        "4.22.0",
        "sha512-0TrIrXs6/b7FLhLVNmfh8Sah6JgjBPH4mZ8JGb7NU6WW+cx00qK5BcAZxw7NCzxj6N8MRAIfHq+oNbPUNG5VAg==",
        "Apache-2.0"),
}

PYTHON = {  # name: (version, SHA-256 of its source archive, the first line of its licence file)
    "face_recognition_models": (
        "0.3.0", "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf", "CC0 1.0 Universal"),
}


def package(name):
    """The files of a package by path. Its integrity and licence are checked; no script of it is run."""
    version, integrity, licence = PACKAGES[name]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder, f"{name}@{version}"],
                       check=True, stdout=subprocess.DEVNULL)
        data = next(pathlib.Path(folder).glob("*.tgz")).read_bytes()
    got = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if got != integrity:
        raise SystemExit(f"{name}@{version} is not the pinned package: {got}")
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {m.name.removeprefix("package/"): archive.extractfile(m).read() for m in archive if m.isfile()}
    stated = json.loads(files["package.json"])["license"]
    if stated != licence:
        raise SystemExit(f"{name}@{version} states the licence {stated}, expected {licence}")
    return files


def python_package(name):
    """The files of a Python package's source archive by path, checked likewise."""
    version, digest, licence = PYTHON[name]
    with tempfile.TemporaryDirectory() as folder:
        pin = pathlib.Path(folder) / "pin.txt"
        pin.write_text(f"{name}=={version} --hash=sha256:{digest}\n")
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:",
                        "--require-hashes", "--dest", folder, "--requirement", str(pin)], check=True)
        data = next(pathlib.Path(folder).glob("*.tar.gz")).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {m.name.partition("/")[2]: archive.extractfile(m).read() for m in archive if m.isfile()}
    stated = files["LICENSE"].decode().splitlines()[0]
    if stated != licence:
        raise SystemExit(f"{name} {version} states the licence {stated}, expected {licence}")
    return files


def assets(files, loader, data):
    """The files inside an Emscripten bundle (`data`), whose index its loader script carries."""
    script = files[loader].decode()
    start = script.index('{"files":')
    index, _ = json.JSONDecoder().raw_decode(script[start:])
    return {pathlib.PurePosixPath(f["filename"]).name: files[data][f["start"]:f["end"]] for f in index["files"]}
