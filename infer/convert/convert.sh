#!/bin/sh
# Makes the embedded networks again from their pinned sources and checks each
# against its original runtime. For maintainers: the results are committed.
#
#   infer/convert/convert.sh            writes infer/models/*.onnx, infer/testdata/original.json and face/canonical.obj
#   infer/convert/convert.sh --check    writes nothing, fails where a committed file differs
#
# Needs Python 3.11 (PYTHON names another), npm, and 1 GB of disk in .cache for
# the packages, whose versions and hashes are pinned in requirements.txt.
set -eu
cd "$(dirname "$0")"
venv=../../.cache/convert
python=${PYTHON:-python3.11}
command -v "$python" >/dev/null 2>&1 || {
    echo "convert: $python is not installed; MediaPipe's check needs Python 3.11" >&2
    exit 4
}
if ! cmp -s requirements.txt "$venv/installed.txt"; then
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes --requirement requirements.txt
    cp requirements.txt "$venv/installed.txt"
fi
exec "$venv/bin/python" convert.py "$@"
