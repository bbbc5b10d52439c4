//! What one file may cost, whatever it says of itself.

/// Bounds that hold for every file. Each refusal has its own error code.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Most pages a file may have.
    pub pages: u32,
    /// Longest side of a page image, in pixels.
    pub page_side_px: u32,
    /// Most pixels of a page image.
    pub page_pixels: u64,
    /// Most bytes the content of a page may unfold to.
    pub stream_bytes: u64,
    /// How deeply arrays and dictionaries may lie within each other in the content of a page.
    pub nesting: u32,
    /// Most entries of an outline that are kept.
    pub outline_entries: usize,
    /// Deepest level of an outline, of the name tree and of the page label tree.
    pub tree_depth: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pages: 2000,
            page_side_px: 10_000,
            page_pixels: 40_000_000,
            stream_bytes: 75 << 20,
            nesting: 256,
            outline_entries: 20_000,
            tree_depth: 32,
        }
    }
}
