//! A page as a picture for OCR: grey, upright, its lines level, at a resolution that
//! recognition likes. And what such a picture shows besides words: ruling lines.

mod gray;
mod rules;
mod skew;

use hayro_interpret::kurbo::Affine;
use pagemill_core::{Problem, Rect};
use serde::{Deserialize, Serialize};

use crate::open::{Pdf, guarded};
use crate::recognised::Upright;
use crate::render::RenderOptions;

pub use gray::Gray;

/// What recognition likes best, in pixels per inch.
const DPI: f32 = 300.0;
/// Scans up to this resolution are taken as they are.
const FINE_DPI: f32 = 420.0;
/// Below this resolution the picture is not what one reads on the page.
const COARSEST: f32 = 40.0;
/// Pages that claim to be huge are not blown up beyond this many pixels.
const PIXELS: f32 = 12_000_000.0;
/// Lines that slope less than this many degrees are level.
const LEVEL: f32 = 0.25;

/// A quarter turn of a picture, clockwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Turn {
    /// As it is shown.
    #[default]
    None,
    /// A quarter turn clockwise.
    Right,
    /// Upside down.
    Half,
    /// A quarter turn anticlockwise.
    Left,
}

impl Turn {
    /// Every turn.
    pub const ALL: [Self; 4] = [Self::None, Self::Right, Self::Half, Self::Left];

    /// The turn after this one and another half.
    #[must_use]
    pub fn over(self) -> Self {
        match self {
            Self::None => Self::Half,
            Self::Half => Self::None,
            Self::Right => Self::Left,
            Self::Left => Self::Right,
        }
    }
}

/// The picture of a page, ready for recognition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scan {
    /// The upright picture.
    pub picture: Gray,
    /// Pixels per point of the upright picture.
    pub scale: f32,
    /// Where the picture lies on the page.
    pub upright: Upright,
    /// How it was turned.
    pub turn: Turn,
    /// Whether its lines run across for sure; else other turns are worth trying, too.
    pub sure: bool,
    /// Ruling lines, in points of the upright picture.
    pub rules: Vec<Rect>,
}

impl Pdf {
    /// Draws a page (1-based) for OCR: turned so that its lines run across (which of the two ways up is
    /// not known from lines), or by `turn` if that is given, and levelled.
    ///
    /// # Errors
    /// As [`Pdf::render`].
    pub fn scan(&self, page: u32, turn: Option<Turn>) -> Result<Scan, Problem> {
        let (width, height) = self.engine_page(page)?.render_dimensions();
        let (dpi, enlarge) = resolution(self.picture_dpi(page), (width, height));
        let drawn = self.renderer().pixels(page, &RenderOptions { dpi, ..RenderOptions::default() })?;
        let picture = Gray::of_rgba(drawn.width, drawn.height, &drawn.rgba);
        drop(drawn.rgba);
        guarded(|| {
            let picture = if enlarge > 1.0 { picture.enlarged(enlarge) } else { picture };
            prepare(picture, (width, height), turn)
        })
    }
}

/// The resolution to draw a page at whose main picture has `native` pixels per inch, and how much larger to make
/// the result: a coarse picture is drawn pixel by pixel and enlarged softly, which reads better than sharp steps.
fn resolution(native: Option<f32>, (width, height): (f32, f32)) -> (f32, f32) {
    let inches = (width / 72.0).max(0.1) * (height / 72.0).max(0.1);
    let most = (PIXELS / inches).sqrt();
    match native {
        Some(native) if (DPI * 0.8..=FINE_DPI).contains(&native) => (native, 1.0),
        Some(native) if native < DPI && native > COARSEST => (native, (DPI.min(most) / native).max(1.0)),
        Some(_) | None => (DPI.min(most), 1.0),
    }
}

fn prepare(picture: Gray, (width, height): (f32, f32), turn: Option<Turn>) -> Scan {
    let ink = skew::Ink::of(&picture);
    let slope = ink.slope();
    let turn = turn.unwrap_or(if slope.down { Turn::Right } else { Turn::None });
    let (px_w, px_h) = (picture.width as f64, picture.height as f64);
    let degrees = if slope.down == matches!(turn, Turn::Right | Turn::Left) { slope.degrees } else { 0.0 };
    let turned = picture.turned(turn);
    // From pixels of the turned picture to pixels of the page.
    let mut back = match turn {
        Turn::None => Affine::IDENTITY,
        Turn::Right => Affine::new([0.0, -1.0, 1.0, 0.0, 0.0, px_h]),
        Turn::Half => Affine::new([-1.0, 0.0, 0.0, -1.0, px_w, px_h]),
        Turn::Left => Affine::new([0.0, 1.0, -1.0, 0.0, px_w, 0.0]),
    };
    let level = degrees.abs() < LEVEL;
    let picture = if level {
        turned
    } else {
        let (levelled, to_turned) = turned.rotated(degrees);
        back *= to_turned;
        levelled
    };
    let scale = (px_w / f64::from(width.max(1.0))).max(0.01);
    let to_page = Affine::scale_non_uniform(f64::from(width.max(1.0)) / px_w, f64::from(height.max(1.0)) / px_h)
        * back
        * Affine::scale(scale);
    let rules = rules::rules_of(&picture, scale as f32);
    Scan {
        scale: scale as f32,
        upright: Upright {
            width: (f64::from(picture.width) / scale) as f32,
            height: (f64::from(picture.height) / scale) as f32,
            to_page: to_page.as_coeffs().map(|value| value as f32),
        },
        turn,
        sure: slope.sure,
        rules,
        picture,
    }
}
