"""Pictures that were never taken: drawn with Pillow from fixed seeds."""

import random

from PIL import Image, ImageChops, ImageDraw, ImageFilter


def noise(size, strength, seed):
    """A grey picture of noise around 128."""
    generator = random.Random(seed)
    picture = Image.new("L", size)
    picture.putdata([max(0, min(255, int(generator.gauss(128, strength)))) for _ in range(size[0] * size[1])])
    return picture


def head_scan(size=520):
    """An axial slice of a head with wide ventricles and the tip of a catheter."""
    picture = Image.new("L", (size, size), 6)
    draw = ImageDraw.Draw(picture)

    def ellipse(x, y, width, height, grey):
        box = [(x - width / 2) * size, (y - height / 2) * size, (x + width / 2) * size, (y + height / 2) * size]
        draw.ellipse(box, fill=grey)

    ellipse(0.5, 0.5, 0.80, 0.94, 90)
    ellipse(0.5, 0.5, 0.77, 0.91, 235)
    ellipse(0.5, 0.5, 0.71, 0.85, 118)
    generator = random.Random(11)
    for _ in range(90):
        angle_x, angle_y = generator.uniform(-0.31, 0.31), generator.uniform(-0.37, 0.37)
        if (angle_x / 0.33) ** 2 + (angle_y / 0.40) ** 2 < 1:
            ellipse(0.5 + angle_x, 0.5 + angle_y, 0.05, 0.05, generator.randint(108, 132))
    picture = picture.filter(ImageFilter.GaussianBlur(5))
    draw = ImageDraw.Draw(picture)
    ellipse(0.43, 0.40, 0.09, 0.26, 34)
    ellipse(0.57, 0.40, 0.09, 0.26, 34)
    ellipse(0.42, 0.62, 0.08, 0.20, 34)
    ellipse(0.58, 0.62, 0.08, 0.20, 34)
    ellipse(0.5, 0.54, 0.025, 0.10, 40)
    draw.line([0.5 * size, 0.09 * size, 0.5 * size, 0.28 * size], fill=205, width=3)
    draw.line([0.70 * size, 0.12 * size, 0.575 * size, 0.37 * size], fill=250, width=6)
    picture = picture.filter(ImageFilter.GaussianBlur(1.6))
    picture = ImageChops.add(picture, noise((size, size), 9, 5), scale=1, offset=-128)
    draw = ImageDraw.Draw(picture)
    draw.line([0.82 * size, 0.30 * size, 0.62 * size, 0.36 * size], fill=255, width=4)
    draw.polygon([(0.60 * size, 0.365 * size), (0.64 * size, 0.335 * size), (0.645 * size, 0.375 * size)], fill=255)
    return picture
