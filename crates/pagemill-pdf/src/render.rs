//! Pictures of pages, with places marked.
//!
//! Pixels and boxes come from one geometry: the page as it is shown, cropped and
//! turned, origin at the top left. So a mark covers exactly what its box says.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::kurbo::Affine;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::{PixmapMut, RasterizerSettings, RenderContext, Resources, TargetInit};
use hayro::{RenderCache, RenderSettings, render_into};
use hayro_interpret::TransformExt;
use hayro_syntax::page::Page;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use pagemill_core::{ErrorCode, Problem, Rect};

use crate::limits::Limits;
use crate::open::{Pdf, guarded};

/// Points to an inch.
const POINTS_PER_INCH: f32 = 72.0;

/// A part of a page that is drawn is at least so wide and high, in points.
const LEAST_PART: f64 = 0.5;

/// Pages drawn with one cache of glyphs and decoded fonts before it is made anew,
/// so that memory does not grow with the number of pages.
const PAGES_PER_CACHE: u32 = 32;

/// How to draw a page.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderOptions {
    /// Pixels per inch; a page that would exceed the limits gets fewer.
    pub dpi: f32,
    /// Boxes to highlight, in points of the page as shown.
    pub marks: Vec<Rect>,
    /// The part to draw, in points of the page as shown; all of it unless told.
    pub part: Option<Rect>,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { dpi: 150.0, marks: Vec::new(), part: None }
    }
}

/// A page as a PNG file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The bytes of the PNG.
    pub png: Vec<u8>,
}

/// A page as pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green, blue, and an alpha that is always 255; rows from the top, without padding.
    pub rgba: Vec<u8>,
}

/// Draws pages of one file, keeping its fonts and glyphs between pages.
pub struct Renderer<'a> {
    pdf: &'a Pdf,
    cache: RenderCache<'a>,
    settings: InterpreterSettings,
    drawn: u32,
}

impl Pdf {
    /// Draws one page (1-based) as a PNG.
    ///
    /// # Errors
    /// `not_found` for a page that is not there, `invalid_request` for an impossible
    /// resolution or a part that is not on the page, `reader_crashed` when the engine fails on the page.
    pub fn render(&self, page: u32, options: &RenderOptions) -> Result<Picture, Problem> {
        self.renderer().pixels(page, options)?.to_png()
    }

    /// Draws several pages, faster than one by one.
    pub fn renderer(&self) -> Renderer<'_> {
        Renderer { pdf: self, cache: RenderCache::new(), settings: InterpreterSettings::default(), drawn: 0 }
    }
}

impl Renderer<'_> {
    /// Draws a page (1-based).
    ///
    /// # Errors
    /// As [`Pdf::render`].
    pub fn pixels(&mut self, page: u32, options: &RenderOptions) -> Result<Pixels, Problem> {
        if !(options.dpi.is_finite() && options.dpi > 0.0) {
            return Err(Problem::new(ErrorCode::InvalidRequest, "the resolution must be a positive number of dpi"));
        }
        let pdf = self.pdf;
        let source = pdf.engine_page(page)?;
        if self.drawn == PAGES_PER_CACHE {
            self.cache = RenderCache::new();
            self.drawn = 0;
        }
        self.drawn += 1;
        let grid = Grid::of(source, options, &pdf.limits)?;
        let mut pixels = guarded(|| draw(source, &grid, &self.cache, &self.settings))?;
        for mark in &options.marks {
            pixels.mark(&grid.to_pixels(mark));
        }
        Ok(pixels)
    }
}

/// The pixels of a picture and their size in points.
struct Grid {
    width: u16,
    height: u16,
    x_scale: f64,
    y_scale: f64,
    /// Where the picture begins on the page, in points.
    origin: (f64, f64),
}

impl Grid {
    /// A grid of the wanted resolution, or as fine as the limits allow.
    fn of(page: &Page<'_>, options: &RenderOptions, limits: &Limits) -> Result<Self, Problem> {
        let (width, height) = page.render_dimensions();
        let (width, height) = (f64::from(width.max(1.0)), f64::from(height.max(1.0)));
        let (origin, width, height) = match &options.part {
            None => ((0.0, 0.0), width, height),
            Some(part) => {
                let (x0, x1) = (f64::from(part.x0).clamp(0.0, width), f64::from(part.x1).clamp(0.0, width));
                let (y0, y1) = (f64::from(part.y0).clamp(0.0, height), f64::from(part.y1).clamp(0.0, height));
                if !(x1 - x0 >= LEAST_PART && y1 - y0 >= LEAST_PART) {
                    return Err(Problem::new(ErrorCode::InvalidRequest, "the part to draw is not on the page"));
                }
                ((x0, y0), x1 - x0, y1 - y0)
            }
        };
        let side = f64::from(limits.page_side_px.clamp(1, u32::from(u16::MAX)));
        let scale = f64::from(options.dpi / POINTS_PER_INCH)
            .min(side / width.max(height))
            .min((limits.page_pixels.max(1) as f64 / (width * height)).sqrt());
        let count = |points: f64| (points * scale).round().clamp(1.0, side) as u16;
        let (width_px, height_px) = (count(width), count(height));
        Ok(Self {
            width: width_px,
            height: height_px,
            x_scale: f64::from(width_px) / width,
            y_scale: f64::from(height_px) / height,
            origin,
        })
    }

    /// The pixels a box touches: left, top, right, bottom, the last two exclusive.
    fn to_pixels(&self, mark: &Rect) -> [u32; 4] {
        let x = |points: f32| ((f64::from(points) - self.origin.0) * self.x_scale).clamp(0.0, f64::from(self.width));
        let y = |points: f32| ((f64::from(points) - self.origin.1) * self.y_scale).clamp(0.0, f64::from(self.height));
        [x(mark.x0).floor() as u32, y(mark.y0).floor() as u32, x(mark.x1).ceil() as u32, y(mark.y1).ceil() as u32]
    }
}

fn draw<'a>(page: &'a Page<'a>, grid: &Grid, cache: &RenderCache<'a>, settings: &InterpreterSettings) -> Pixels {
    let mut context = RenderContext::new(grid.width, grid.height);
    let to_points = page.initial_transform(true).to_kurbo();
    let to_part = Affine::translate((-grid.origin.0, -grid.origin.1));
    let transform = Affine::scale_non_uniform(grid.x_scale, grid.y_scale) * to_part * to_points;
    render_into(page, cache, settings, &RenderSettings::default(), &mut context, transform);
    context.flush();
    let mut rgba = vec![0; usize::from(grid.width) * usize::from(grid.height) * 4];
    if let Some(target) = PixmapMut::new(grid.width, grid.height, &mut rgba) {
        let on_white = RasterizerSettings { target_init: TargetInit::Clear(WHITE), ..RasterizerSettings::default() };
        context.render_with(target, &mut Resources::default(), on_white);
    }
    Pixels { width: u32::from(grid.width), height: u32::from(grid.height), rgba }
}

impl Pixels {
    /// Highlights a box: a yellow that ink shows through, and a border one pixel wide.
    fn mark(&mut self, [x0, y0, x1, y1]: &[u32; 4]) {
        /// What is left of white under the highlight: red, green, blue, of 255.
        const HIGHLIGHT: [u16; 3] = [255, 236, 110];
        const BORDER: [u8; 3] = [214, 140, 0];
        for y in *y0..*y1 {
            for x in *x0..*x1 {
                let at = (y as usize * self.width as usize + x as usize) * 4;
                let on_border = x == *x0 || y == *y0 || x + 1 == *x1 || y + 1 == *y1;
                let Some(pixel) = self.rgba.get_mut(at..at + 3) else { continue };
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let below = u16::from(*value) * HIGHLIGHT[channel] / 255;
                    // Ink under the border stays visible: dark pixels keep their darkness.
                    let over = if on_border { below.min(u16::from(BORDER[channel])) } else { below };
                    *value = over as u8;
                }
            }
        }
    }

    /// The same as a PNG file: grey when there is no colour, which is smaller and faster.
    ///
    /// # Errors
    /// `internal` when the encoder fails, which only want of memory explains.
    pub fn to_png(&self) -> Result<Picture, Problem> {
        let pixels = self.rgba.chunks_exact(4);
        let grey = pixels.clone().all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]);
        let (data, color): (Vec<u8>, _) = if grey {
            (pixels.map(|pixel| pixel[0]).collect(), ExtendedColorType::L8)
        } else {
            (pixels.flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect(), ExtendedColorType::Rgb8)
        };
        let mut png = Vec::with_capacity(data.len() / 8);
        PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Up)
            .write_image(&data, self.width, self.height, color)
            .map_err(|error| {
                Problem::new(ErrorCode::Internal, "the page image could not be encoded").caused_by(error)
            })?;
        Ok(Picture { width: self.width, height: self.height, png })
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::open::open;
    use crate::test_pdf::pages_pdf;

    const DPI: f32 = 144.0;

    fn word_boxes(pdf: &Pdf) -> Vec<Rect> {
        let mut boxes = Vec::new();
        pdf.read(1..=1, &mut |page| {
            boxes.extend(page.blocks.iter().flat_map(|block| &block.words).map(|word| word.bbox));
            ControlFlow::Continue(())
        });
        boxes
    }

    fn pixels(pdf: &Pdf, marks: Vec<Rect>) -> Pixels {
        pdf.renderer().pixels(1, &RenderOptions { dpi: DPI, marks, part: None }).unwrap()
    }

    /// Each pixel with its middle in points.
    fn points(pixels: &Pixels) -> impl Iterator<Item = (f32, f32, [u8; 3])> + '_ {
        let scale = POINTS_PER_INCH / DPI;
        pixels.rgba.chunks_exact(4).zip(0_u32..).map(move |(pixel, index)| {
            let (x, y) = (index % pixels.width, index / pixels.width);
            ((x as f32 + 0.5) * scale, (y as f32 + 0.5) * scale, [pixel[0], pixel[1], pixel[2]])
        })
    }

    fn holds(area: &Rect, x: f32, y: f32, slack: f32) -> bool {
        area.contains(&Rect::new(x, y, x, y), slack)
    }

    #[test]
    fn marks_cover_the_ink_of_their_words_however_the_page_is_turned() {
        for rotation in [0, 90, 180, 270] {
            let page = format!("/CropBox [100 200 400 650] /Rotate {rotation}");
            let bytes = pages_pdf("", &[(&page, "BT /F1 24 Tf 1 0 0 1 130 430 Tm (Hello citing world) Tj ET")], &[]);
            let pdf = open(bytes, &Default::default()).unwrap();
            let boxes = word_boxes(&pdf);
            assert_eq!(boxes.len(), 3, "rotation {rotation}");
            let plain = pixels(&pdf, Vec::new());
            let turned = rotation % 180 == 90;
            assert_eq!((plain.width, plain.height), if turned { (900, 600) } else { (600, 900) });

            let mut inked = vec![false; boxes.len()];
            for (x, y, _) in points(&plain).filter(|(_, _, color)| color[0] < 128) {
                let at = boxes.iter().position(|bbox| holds(bbox, x, y, 0.6));
                inked[at.unwrap_or_else(|| panic!("ink at {x} {y} is in no word; rotation {rotation}, {boxes:?}"))] =
                    true;
            }
            assert_eq!(inked, [true; 3]);

            let marked = pixels(&pdf, vec![boxes[1]]);
            for ((x, y, before), (_, _, after)) in points(&plain).zip(points(&marked)) {
                if holds(&boxes[1], x, y, -0.6) {
                    assert!(after[2] < before[2] || before[2] == 0, "{x} {y} is marked; rotation {rotation}");
                } else if !holds(&boxes[1], x, y, 0.6) {
                    assert_eq!(before, after, "{x} {y} is not marked; rotation {rotation}");
                }
            }
        }
    }

    #[test]
    fn a_part_is_what_stands_there_on_the_page() {
        for rotation in [0, 90] {
            let page = format!("/CropBox [100 200 400 650] /Rotate {rotation}");
            let content = "0.2 0.4 0.9 rg 150 300 90 60 re f BT /F1 24 Tf 1 0 0 1 130 430 Tm (Hello) Tj ET";
            let pdf = open(pages_pdf("", &[(&page, content)], &[]), &Default::default()).unwrap();
            let whole = pixels(&pdf, Vec::new());
            // On whole pixels, so that both are drawn alike.
            let part = Rect::new(20.0, 30.0, 220.0, 270.0);
            let options = RenderOptions { dpi: DPI, marks: Vec::new(), part: Some(part) };
            let cut = pdf.renderer().pixels(1, &options).unwrap();
            assert_eq!((cut.width, cut.height), (400, 480), "rotation {rotation}");
            let row = |of: &Pixels, x: u32, y: u32, width: u32| {
                let at = ((y * of.width + x) * 4) as usize;
                of.rgba[at..at + width as usize * 4].to_vec()
            };
            for y in 0..cut.height {
                assert_eq!(row(&cut, 0, y, 400), row(&whole, 40, y + 60, 400), "row {y}, rotation {rotation}");
            }
            assert!(cut.rgba.chunks_exact(4).any(|pixel| pixel[0] != pixel[2]), "something is on it");
            // Beyond the edge of the page there is nothing to draw.
            let options = RenderOptions { part: Some(Rect::new(-50.0, -50.0, 100.0, 9000.0)), ..options };
            assert_eq!(pdf.renderer().pixels(1, &options).unwrap().width, 200);
        }
    }

    #[test]
    fn giant_pages_are_scaled_down_to_the_limits() {
        let bytes = pages_pdf("", &[("/MediaBox [0 0 14400 200]", "")], &[]);
        let limits = Limits { page_side_px: 500, page_pixels: 2_000, ..Limits::default() };
        let pdf = open(bytes, &crate::OpenOptions { limits, ..Default::default() }).unwrap();
        let picture = pdf.render(1, &RenderOptions::default()).unwrap();
        assert!(picture.width <= 500 && picture.width * picture.height <= 2_100, "{picture:?}");
        assert_eq!(&picture.png[1..4], b"PNG");
    }

    #[test]
    fn impossible_requests_are_refused() {
        let pdf = open(pages_pdf("", &[("", "")], &[]), &Default::default()).unwrap();
        let code =
            |page, dpi, part| pdf.render(page, &RenderOptions { dpi, part, marks: Vec::new() }).unwrap_err().code;
        assert_eq!(code(2, 72.0, None), ErrorCode::NotFound);
        assert_eq!(code(0, 72.0, None), ErrorCode::NotFound);
        assert_eq!(code(1, f32::NAN, None), ErrorCode::InvalidRequest);
        assert_eq!(code(1, 0.0, None), ErrorCode::InvalidRequest);
        let beside = Rect { x0: 5000.0, y0: 10.0, x1: 5100.0, y1: 20.0 };
        let nowhere = Rect { x0: f32::NAN, ..beside };
        for part in [beside, nowhere, Rect { x0: 10.0, x1: 10.0, ..beside }] {
            assert_eq!(code(1, 72.0, Some(part)), ErrorCode::InvalidRequest);
        }
    }
}
