#!/bin/sh
# Makes docs/images/normalize.jpg: the public-domain samples, raw and before both colours. Needs ImageMagick.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for color in blue white; do
  # 1 says that rules are still broken (a smile): what is looked at here is the outline.
  cargo run --release --quiet -- normalize sample-photos/astronaut.png sample-photos/collins-derived-gray.jpg \
    --out "$work/$color" --background "$color" --force-write --quiet || [ $? -eq 1 ]
done
mkdir -p docs/images
montage sample-photos/astronaut.png "$work"/blue/astronaut.jpg "$work"/white/astronaut.jpg \
  sample-photos/collins-derived-gray.jpg "$work"/blue/collins-derived-gray.jpg "$work"/white/collins-derived-gray.jpg \
  -tile 3x2 -geometry 480x640+8+8 -background '#808080' -quality 88 docs/images/normalize.jpg
