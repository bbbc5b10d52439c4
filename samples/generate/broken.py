"""broken.pdf: the beginning of a file whose download broke off: no page can be read."""

from house import SAMPLES


def make(_folder):
    """Keeps the first bytes of the procedure, in which no page is complete."""
    whole = (SAMPLES / "procedure.pdf").read_bytes()
    (SAMPLES / "broken.pdf").write_bytes(whole[:400])
