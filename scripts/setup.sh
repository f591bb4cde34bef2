#!/bin/sh
# Installs what TwinSync needs and the machine lacks: FFmpeg through the system's
# package manager when this user may, and ONNX Runtime out of an npm package.
# Prints only what it does; with nothing to do it is silent and instant.
set -eu
cd "$(dirname "$0")/.."

say() { echo "setup: $*" >&2; }

need() { # program, why
	command -v "$1" >/dev/null 2>&1 && return
	say "$1 is missing ($2). Please install it and run the command again."
	exit 4
}
need go "version 1.26 or newer, builds TwinSync"
need npm "comes with Node.js 20 or newer, fetches ONNX Runtime"
command -v cc >/dev/null 2>&1 || need gcc "a C compiler, builds the binding to ONNX Runtime"

install_ffmpeg() {
	if command -v apt-get >/dev/null 2>&1; then
		as_root=
		if [ "$(id -u)" != 0 ]; then
			if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
				as_root="sudo -n"
			else
				say "FFmpeg is missing and this user may not install it. Please run:"
				say "  sudo apt-get update && sudo apt-get install --yes ffmpeg"
				exit 4
			fi
		fi
		say "installing FFmpeg with apt-get"
		log=$(mktemp)
		if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive $as_root apt-get install --yes --no-install-recommends ffmpeg; } >"$log" 2>&1; then
			tail -n 20 "$log" >&2
			rm -f "$log"
			say "apt-get could not install FFmpeg; the lines above say why."
			exit 4
		fi
		rm -f "$log"
	elif command -v brew >/dev/null 2>&1; then
		say "installing FFmpeg with Homebrew"
		brew install --quiet ffmpeg >&2
	else
		say "FFmpeg 5.1 or newer is missing. Please install it with your package manager"
		say "(package 'ffmpeg' nearly everywhere) and run the command again."
		exit 4
	fi
}
if ! command -v ffmpeg >/dev/null 2>&1 || ! command -v ffprobe >/dev/null 2>&1; then
	install_ffmpeg
fi

exec scripts/fetch-onnxruntime.sh
