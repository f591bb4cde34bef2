#!/bin/sh
# Fetches ONNX Runtime's native library, which TwinSync loads to run its models.
#
#   scripts/fetch-onnxruntime.sh [os-arch]
#
# The library comes out of the npm package onnxruntime-node, whose exact version
# and integrity are pinned here; no script of the package is run, and the user's
# own npm configuration (registry, proxy, certificates) is honoured. Only the
# library of one platform is kept, this machine's unless another is named
# (linux-amd64, linux-arm64 or darwin-arm64, as Go spells them):
#
#   .cache/onnxruntime/VERSION/OS-ARCH/libonnxruntime.so.1     (libonnxruntime.1.dylib on macOS)
#   .cache/onnxruntime/VERSION/OS-ARCH/LICENSE
#
# The path of this machine's, relative to the repository, is kept in .cache/onnxruntime/path.
# A second call finds it all there, says nothing and takes no time.
set -eu

version=1.30.0
integrity='sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw=='

say() { printf '%s\n' "onnxruntime: $*" >&2; }
die() { # message, hint
    say "$1"
    [ $# -lt 2 ] || say "$2"
    exit 4
}

root=$(cd "$(dirname "$0")/.." && pwd)
other=${1:-}
platform=$other
if [ -z "$platform" ]; then
    set -- $(uname -sm)
    case $1 in Linux) os=linux ;; Darwin) os=darwin ;; *) os=$1 ;; esac
    case $2 in x86_64 | amd64) arch=amd64 ;; aarch64 | arm64) arch=arm64 ;; *) arch=$2 ;; esac
    platform=$os-$arch
fi
case $platform in
linux-amd64) inside=linux/x64/libonnxruntime.so.1 lib=libonnxruntime.so.1 ;;
linux-arm64) inside=linux/arm64/libonnxruntime.so.1 lib=libonnxruntime.so.1 ;;
darwin-arm64) inside=darwin/arm64/libonnxruntime.1.dylib lib=libonnxruntime.1.dylib ;;
*) die "the package has no library for $platform" \
    "Linux on x86-64 or arm64 and macOS on Apple silicon are served; elsewhere install ONNX Runtime $version or newer yourself and name its library in TwinSync's settings." ;;
esac

dir=$root/.cache/onnxruntime/$version/$platform
note=$root/.cache/onnxruntime/path
path=${dir#"$root"/}/$lib
finish() {
    [ -z "$other" ] || return 0 # the note is this machine's
    known=
    [ ! -f "$note" ] || read -r known <"$note" || :
    [ "$known" = "$path" ] || { printf '%s\n' "$path" >"$note.new" && mv -f "$note.new" "$note"; }
}
if [ -s "$dir/$lib" ] && [ -s "$dir/LICENSE" ]; then
    finish
    exit 0
fi

if [ "$platform" = "linux-${arch:-none}" ] && ldd /bin/sh 2>&1 | grep -q musl; then
    die "the package's library needs the GNU C library (2.28 or newer); this system uses musl" \
        "Use a distribution with glibc, such as Debian or Ubuntu."
fi
for program in npm node tar; do
    command -v "$program" >/dev/null 2>&1 || die "$program is not installed" "Install Node.js 20 or newer, which brings npm, and tar."
done

mkdir -p "$dir"
work=$(mktemp -d "$root/.cache/onnxruntime/$version/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

say "fetching version $version for $platform (113 MB, kept: 25 to 46 MB)"
tgz=$work/onnxruntime-node-$version.tgz
(cd "$root" && npm pack --loglevel=error --ignore-scripts --pack-destination "$work" "onnxruntime-node@$version" >/dev/null) ||
    die "npm did not deliver onnxruntime-node@$version" "Check the network and npm's registry setting, then try again."
[ -s "$tgz" ] || die "npm delivered no package"

got=$(node -e '
    const hash = require("crypto").createHash("sha512");
    require("fs").createReadStream(process.argv[1]).on("data", d => hash.update(d))
        .on("end", () => console.log("sha512-" + hash.digest("base64")));' "$tgz")
[ "$got" = "$integrity" ] ||
    die "the package is not the one that was pinned: $got instead of $integrity" "The registry or a proxy changed it; nothing was installed."

tar -xzf "$tgz" -C "$work" "package/bin/napi-v6/$inside"
chmod 0644 "$work/package/bin/napi-v6/$inside"

# The package states its licence (MIT) but carries no text; this is the project's own.
cat >"$work/LICENSE" <<'TEXT'
ONNX Runtime, from the npm package onnxruntime-node (https://github.com/microsoft/onnxruntime)

MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
TEXT

# Renamed into place last, so that the library is either whole or absent.
mv -f "$work/LICENSE" "$dir/LICENSE"
mv -f "$work/package/bin/napi-v6/$inside" "$dir/$lib"
finish
say "installed $path"
