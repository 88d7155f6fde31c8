"""Makes scans of PDFs with text: pictures of their pages and nothing else, to measure OCR with.

    python data/golden/pdfs/make_scans.py FOLDER [PDF...]

writes FOLDER/clean (200 dpi) and FOLDER/poor (150 dpi, 0.7 degrees askew, blurred, noisy, JPEG 60), each file under
the name of its original; without PDFs, of those of this folder that hold enough text. Then, with the extra `ocr`:

    touchstone bench ocr FOLDER/clean data/golden/pdfs

Noise is seeded, so the same PDFs give the same scans.
"""

import io
import sys
from pathlib import Path

import numpy as np
import pypdfium2
from PIL import Image, ImageFilter

HERE = Path(__file__).parent
NAMES = ("g01_zh_two_column", "g02_zh_table", "g08_hidden_text", "r01_zh_kb_page", "r03_zh_poems_6p")
MOST_PAGES = 3


def clean(page):
    return page.render(scale=200 / 72).to_pil().convert("L")


def poor(page, noise):
    picture = page.render(scale=150 / 72).to_pil().convert("L")
    picture = picture.rotate(0.7, fillcolor=255, resample=Image.BICUBIC).filter(ImageFilter.GaussianBlur(0.6))
    grey = np.asarray(picture, dtype=np.float64)
    worn = (0.85 * grey + 20 + noise.normal(0, 8, grey.shape)).clip(0, 255).astype(np.uint8)
    packed = io.BytesIO()
    Image.fromarray(worn).save(packed, "JPEG", quality=60)
    return Image.open(packed)


def main(folder, files):
    for file in files or [HERE / f"{name}.pdf" for name in NAMES]:
        document, noise = pypdfium2.PdfDocument(file), np.random.default_rng(1)
        pages = [document[number] for number in range(min(len(document), MOST_PAGES))]
        for kind, dpi in (("clean", 200), ("poor", 150)):
            pictures = [clean(page) if kind == "clean" else poor(page, noise) for page in pages]
            target = folder / kind / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            pictures[0].save(target, save_all=True, append_images=pictures[1:], resolution=dpi, quality=60 if kind == "poor" else 90)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
