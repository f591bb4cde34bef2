#!/usr/bin/env bash
# Makes what a new installation serves under /samples/: photo.jpg, the face to put in,
# and clip.mp4, five seconds of another person who moves the head a little, with a soft
# chord. Nothing is made that is already there. Needs ffmpeg, and what fetch-samples.sh needs.
set -euo pipefail
cd "$(dirname "$0")/.."

out=.cache/samples
made="3"
if [ "$(cat "$out/.made" 2>/dev/null || true)" = "$made" ] && [ -s "$out/photo.jpg" ] && [ -s "$out/clip.mp4" ]; then
  exit 0
fi
command -v ffmpeg >/dev/null || { echo "make-samples: ffmpeg is not installed; make setup installs it or says how" >&2; exit 4; }
scripts/fetch-samples.sh

work=$(mktemp -d "$out/make.XXXXXX")
trap 'rm -rf "$work"' EXIT
broken() { echo "make-samples: ffmpeg could not make $1; its own words stand above (libx264 and aac are needed)" >&2; exit 5; }

ffmpeg -v error -nostdin -y -i file:"$out/people/anton.png" \
  -filter_complex "color=white:s=868x868[w];[0]scale=868:868:flags=lanczos[p];[w][p]overlay=shortest=1,format=yuvj444p" \
  -frames:v 1 -q:v 2 "$work/photo.jpg" || broken photo.jpg

# The picture is enlarged, swayed, nodded and breathed towards the camera; the crop keeps
# its edges out of sight.
ffmpeg -v error -nostdin -y -loop 1 -framerate 25 -i file:"$out/people/bea.png" \
  -f lavfi -i "aevalsrc=0.04*(sin(2*PI*220*t)+sin(2*PI*277.2*t)+sin(2*PI*329.6*t))*(0.7+0.3*sin(2*PI*0.4*t)):s=48000:d=5" \
  -filter_complex "[0]format=rgb24,scale=1440:1440:flags=lanczos,\
rotate='0.03*sin(2*PI*t/4)':fillcolor=white,\
scale=w='2*trunc((1440+24*sin(2*PI*t/5))/2)':h='2*trunc((1440+24*sin(2*PI*t/5))/2)':eval=frame:flags=bicubic,\
crop=1280:720:x='(iw-1280)/2+18*sin(2*PI*t/3.1)':y='ih*0.135+12*sin(2*PI*t/2.3)',\
noise=alls=3:allf=t,format=yuv420p[v]" \
  -map "[v]" -map 1:a -t 5 -c:v libx264 -preset medium -crf 20 -c:a aac -b:a 96k -movflags +faststart "$work/clip.mp4" ||
  broken clip.mp4

mv "$work/photo.jpg" "$out/photo.jpg"
mv "$work/clip.mp4" "$out/clip.mp4"
echo "$made" >"$out/.made"
echo "make-samples: photo.jpg and clip.mp4 are in $out"
