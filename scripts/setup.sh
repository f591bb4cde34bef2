#!/bin/sh
# Installs what TwinSync needs and the machine lacks: FFmpeg and the espeak-ng library
# through the system's package manager when this user may, and ONNX Runtime out of an
# npm package.
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

install() { # and tell whether it worked: what, how to get it elsewhere, Debian packages, Homebrew package
	if command -v apt-get >/dev/null 2>&1; then
		as_root=
		if [ "$(id -u)" != 0 ]; then
			if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
				as_root="sudo -n"
			else
				say "$1 is missing and this user may not install it. Please run:"
				say "  sudo apt-get update && sudo apt-get install --yes $3"
				return 1
			fi
		fi
		say "installing $1 with apt-get"
		log=$(mktemp)
		# $3 is a list of packages
		# shellcheck disable=SC2086
		if ! { $as_root apt-get update && DEBIAN_FRONTEND=noninteractive $as_root apt-get install --yes --no-install-recommends $3; } >"$log" 2>&1; then
			tail -n 20 "$log" >&2
			rm -f "$log"
			say "apt-get could not install $1; the lines above say why."
			return 1
		fi
		rm -f "$log"
	elif command -v brew >/dev/null 2>&1; then
		say "installing $1 with Homebrew"
		brew install --quiet "$4" >&2
	else
		say "$1 is missing. Please install it with your package manager"
		say "($2) and run the command again."
		return 1
	fi
}

# espeak-ng is loaded as a library; the program of that name is not needed.
have_espeak() {
	for file in /opt/homebrew/lib/libespeak-ng*.dylib /usr/local/lib/libespeak-ng* /opt/local/lib/libespeak-ng*.dylib \
		/usr/lib/libespeak-ng.so* /usr/lib64/libespeak-ng.so* /usr/lib/*/libespeak-ng.so* /lib/*/libespeak-ng.so*; do
		[ -e "$file" ] && return 0
	done
	return 1
}

if ! command -v ffmpeg >/dev/null 2>&1 || ! command -v ffprobe >/dev/null 2>&1; then
	install "FFmpeg 5.1 or newer" "package 'ffmpeg' nearly everywhere" ffmpeg ffmpeg || exit 4
fi
if ! have_espeak; then
	install "espeak-ng" "package 'espeak-ng' nearly everywhere" "libespeak-ng1 espeak-ng-data" espeak-ng ||
		say "Going on without it: TwinSync will not speak texts, only take recorded sound."
fi

exec scripts/fetch-onnxruntime.sh
