"""scanned_article.pdf: the first page of the article as a scanner sees it, without a text layer."""

import subprocess

from PIL import Image, ImageChops
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from house import SAMPLES
from pictures import noise

DPI = 150
SKEW = 0.7  # degrees


def make(folder):
    """Draws the page with pdftoppm (poppler), turns it a little, and adds the noise of a scanner."""
    drawn = folder / "page"
    command = ["pdftoppm", "-r", str(DPI), "-gray", "-png", "-f", "1", "-l", "1", "-singlefile"]
    subprocess.run([*command, str(SAMPLES / "two_columns.pdf"), str(drawn)], check=True)
    page = Image.open(drawn.with_suffix(".png")).convert("L")
    page = page.rotate(SKEW, resample=Image.BICUBIC, fillcolor=250)
    page = ImageChops.add(page, noise(page.size, 10, 3), scale=1, offset=-132)
    scan = folder / "scan.jpg"
    page.save(scan, quality=55)
    canvas = Canvas(str(SAMPLES / "scanned_article.pdf"), pagesize=A4)
    canvas.setTitle("Scan 0001")
    canvas.drawImage(ImageReader(str(scan)), 0, 0, *A4)
    canvas.showPage()
    canvas.save()
