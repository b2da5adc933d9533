"""Makes the derived sample photos from the two unchanged ones in sample-photos/.

    pip install numpy==2.4.6 pillow==13.0.0 opencv-python-headless==5.0.0.93
    python docs/make-sample-photos.py

Other versions of the packages may give other bytes; then update the sums in README.md.
"""

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

HERE = Path(__file__).parent.parent / "sample-photos"
WIDTH, HEIGHT = 480, 640
BLUE = (100, 197, 255)  # the registry's light blue


def crop(image: Image.Image, scale: float, eye: tuple[float, float], eye_y: float) -> Image.Image:
    """Scales by `scale` and crops to 480x640 so that `eye` (midpoint of the eyes in the source) is centred at `eye_y`.

    Rows above the source are its own mirrored rows: a few pixels of background.
    """
    top = eye[1] - eye_y / scale
    extra = max(0, int(np.ceil(-top)) + 4)
    padded = Image.fromarray(np.pad(np.asarray(image), ((extra, 0), (0, 0), (0, 0)), mode="reflect"))
    left, top = eye[0] - WIDTH / 2 / scale, top + extra
    box = (left, top, left + WIDTH / scale, top + HEIGHT / scale)
    return padded.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS, box=box)


def person(image: Image.Image) -> np.ndarray:
    """Share of person in each pixel of `collins-derived-gray.jpg`, 0 to 1: GrabCut within outlines drawn by hand."""
    mask = np.full((HEIGHT, WIDTH), cv2.GC_BGD, np.uint8)
    # Lies outside of hair, ring and suit by some 15 px; inside of it GrabCut decides by colour ...
    outside = [(60, 250), (75, 140), (150, 70), (230, 45), (320, 62), (405, 120), (425, 230), (400, 320), (350, 365)]
    outside += [(335, 410), (410, 480), (432, 535), (480, 560), (480, 640), (0, 640), (0, 440), (40, 370), (130, 342)]
    outside += [(135, 318), (80, 290)]
    cv2.fillPoly(mask, [np.array(outside)], int(cv2.GC_PR_BGD))
    # ... but not here: hair and face, then ring and suit.
    head = [(100, 245), (110, 160), (175, 105), (250, 85), (320, 100), (375, 150), (395, 230), (375, 300), (338, 312)]
    head += [(322, 345), (300, 400), (300, 440), (165, 440), (155, 380), (145, 315), (105, 270)]
    suit = [(8, 470), (30, 400), (80, 372), (150, 366), (160, 440), (310, 440), (345, 455), (395, 520), (412, 555)]
    suit += [(476, 590), (476, 640), (0, 640), (0, 490)]
    for polygon in (head, suit):
        cv2.fillPoly(mask, [np.array(polygon)], int(cv2.GC_FGD))
    cv2.setRNGSeed(1)
    bgr, models = np.asarray(image)[..., ::-1].copy(), np.zeros((2, 1, 65))
    cv2.grabCut(bgr, mask, None, models[0], models[1], 5, cv2.GC_INIT_WITH_MASK)
    solid = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)
    # Edge of a lens, not of scissors; the threshold keeps the rim of the old background out.
    return np.clip((cv2.GaussianBlur(solid, (0, 0), 1.5) - 0.4) / 0.6, 0, 1)


def on_blue(image: Image.Image) -> Image.Image:
    alpha = person(image)[..., None]
    return Image.fromarray(np.round(np.asarray(image) * alpha + np.array(BLUE) * (1 - alpha)).astype(np.uint8))


def save(image: Image.Image, name: str, quality: int, dpi: int = 300) -> None:
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality, dpi=(dpi, dpi))
    (HERE / name).write_bytes(data.getvalue())
    print(f"{name}: {len(data.getvalue()) / 1024:.1f} KB")


def main() -> None:
    collins = Image.open(HERE / "astronaut.png").convert("RGB")
    hopper = Image.open(HERE / "grace_hopper.jpg").convert("RGB")

    gray = crop(collins, scale=2.2, eye=(225.3, 102.7), eye_y=255)
    save(gray, "collins-derived-gray.jpg", quality=75)
    save(crop(hopper, scale=1.1, eye=(262.0, 191.0), eye_y=215), "hopper-derived-480x640.jpg", quality=60)

    blue = on_blue(gray)
    save(blue, "样例-蓝底.jpg", quality=75)
    save(blue, "collins-derived-blue-72dpi.jpg", quality=75, dpi=72)
    save(blue, "collins-derived-blue-too-many-kb.jpg", quality=90)
    save(blue, "collins-derived-blue-quality-45.jpg", quality=45)


main()
