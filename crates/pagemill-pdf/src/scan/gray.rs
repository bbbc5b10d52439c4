//! Pictures in shades of grey.

use hayro_interpret::kurbo::Affine;
use serde::{Deserialize, Serialize};

use super::Turn;

/// A picture of one byte a pixel, 0 black to 255 white; rows from the top, without padding.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gray {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The pixels.
    #[serde(with = "bytes")]
    pub pixels: Vec<u8>,
}

/// Bytes in one piece, not one by one.
mod bytes {
    use serde::{Deserializer, Serializer, de::Visitor};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

impl std::fmt::Debug for Gray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gray").field("width", &self.width).field("height", &self.height).finish_non_exhaustive()
    }
}

impl Gray {
    /// A white picture.
    pub fn white(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![255; width as usize * height as usize] }
    }

    /// The brightness of coloured pixels of four bytes each.
    pub(super) fn of_rgba(width: u32, height: u32, rgba: &[u8]) -> Self {
        let bright = |p: &[u8]| ((u32::from(p[0]) * 77 + u32::from(p[1]) * 150 + u32::from(p[2]) * 29) >> 8) as u8;
        Self { width, height, pixels: rgba.chunks_exact(4).map(bright).collect() }
    }

    /// A row of pixels.
    pub(super) fn row(&self, y: u32) -> &[u8] {
        let width = self.width as usize;
        self.pixels.get(y as usize * width..(y as usize + 1) * width).unwrap_or(&[])
    }

    fn at(&self, x: i64, y: i64) -> u8 {
        if x < 0 || y < 0 || x >= i64::from(self.width) || y >= i64::from(self.height) {
            return 255;
        }
        self.pixels.get(y as usize * self.width as usize + x as usize).copied().unwrap_or(255)
    }

    /// The brightness that parts ink from paper best (Otsu 1979: the variance between the two is greatest).
    pub(super) fn threshold(&self) -> u8 {
        let mut counts = [0_u64; 256];
        self.pixels.iter().for_each(|pixel| counts[usize::from(*pixel)] += 1);
        let all: u64 = counts.iter().sum();
        let sum: f64 = counts.iter().zip(0_u32..).map(|(count, value)| *count as f64 * f64::from(value)).sum();
        let (mut below, mut sum_below, mut best, mut at) = (0_u64, 0.0, 0.0, 127_u8);
        for value in 0..=255_u8 {
            below += counts[usize::from(value)];
            sum_below += counts[usize::from(value)] as f64 * f64::from(value);
            let above = all - below;
            if below == 0 || above == 0 {
                continue;
            }
            let difference = sum_below / below as f64 - (sum - sum_below) / above as f64;
            let variance = below as f64 * above as f64 * difference * difference;
            if variance > best {
                (best, at) = (variance, value);
            }
        }
        at
    }

    /// The picture after a quarter turn.
    pub(super) fn turned(self, turn: Turn) -> Self {
        let (width, height) = (self.width as usize, self.height as usize);
        match turn {
            Turn::None => self,
            Turn::Half => Self { pixels: self.pixels.into_iter().rev().collect(), ..self },
            Turn::Right | Turn::Left => {
                let mut pixels = Vec::with_capacity(self.pixels.len());
                for x in 0..width {
                    for y in 0..height {
                        let (x, y) = if turn == Turn::Right { (x, height - 1 - y) } else { (width - 1 - x, y) };
                        pixels.push(self.pixels[y * width + x]);
                    }
                }
                Self { width: self.height, height: self.width, pixels }
            }
        }
    }

    /// The picture turned by some degrees against the slope of its lines, on a sheet large enough to hold all
    /// of it, and the way back from its pixels to those of this picture.
    pub(super) fn rotated(&self, degrees: f32) -> (Self, Affine) {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let angle = f64::from(degrees).to_radians();
        let (sin, cos) = angle.sin_cos();
        let new_width = (width * cos.abs() + height * sin.abs()).ceil().max(1.0);
        let new_height = (width * sin.abs() + height * cos.abs()).ceil().max(1.0);
        let back = Affine::translate((width / 2.0, height / 2.0))
            * Affine::rotate(angle)
            * Affine::translate((-new_width / 2.0, -new_height / 2.0));
        let mut out = Self::white(new_width as u32, new_height as u32);
        for (row, y) in out.pixels.chunks_exact_mut(new_width as usize).zip(0_u32..) {
            // The middle of the first pixel of the row, and the step from one to the next.
            let start = back * hayro_interpret::kurbo::Point::new(0.5, f64::from(y) + 0.5);
            for (pixel, x) in row.iter_mut().zip(0_u32..) {
                let at = (start.x + f64::from(x) * cos - 0.5, start.y + f64::from(x) * sin - 0.5);
                *pixel = self.between(at.0, at.1);
            }
        }
        (out, back)
    }

    /// The picture with more pixels, by a factor above 1.
    pub(super) fn enlarged(&self, factor: f32) -> Self {
        let size = |side: u32| (side as f32 * factor).round().max(1.0);
        let (width, height) = (size(self.width), size(self.height));
        let (step_x, step_y) = (f64::from(self.width) / f64::from(width), f64::from(self.height) / f64::from(height));
        let mut out = Self::white(width as u32, height as u32);
        let last = (f64::from(self.width) - 1.0, f64::from(self.height) - 1.0);
        for (row, y) in out.pixels.chunks_exact_mut(width as usize).zip(0_u32..) {
            let at_y = ((f64::from(y) + 0.5) * step_y - 0.5).clamp(0.0, last.1);
            for (pixel, x) in row.iter_mut().zip(0_u32..) {
                let at_x = ((f64::from(x) + 0.5) * step_x - 0.5).clamp(0.0, last.0);
                *pixel = self.between(at_x, at_y);
            }
        }
        out
    }

    /// The brightness between four pixels.
    fn between(&self, x: f64, y: f64) -> u8 {
        let (left, top) = (x.floor(), y.floor());
        let (fx, fy) = (((x - left) * 256.0) as u32, ((y - top) * 256.0) as u32);
        let (left, top) = (left as i64, top as i64);
        let [a, b, c, d] =
            if left >= 0 && top >= 0 && left + 1 < i64::from(self.width) && top + 1 < i64::from(self.height) {
                let at = top as usize * self.width as usize + left as usize;
                let below = at + self.width as usize;
                [self.pixels[at], self.pixels[at + 1], self.pixels[below], self.pixels[below + 1]]
            } else {
                [self.at(left, top), self.at(left + 1, top), self.at(left, top + 1), self.at(left + 1, top + 1)]
            };
        let [a, b, c, d] = [a, b, c, d].map(u32::from);
        let upper = a * (256 - fx) + b * fx;
        let lower = c * (256 - fx) + d * fx;
        ((upper * (256 - fy) + lower * fy) >> 16) as u8
    }

    /// The picture as a PGM file, which needs no encoder and no decoder to speak of.
    pub fn to_pgm(&self) -> Vec<u8> {
        let mut out = format!("P5\n{} {}\n255\n", self.width, self.height).into_bytes();
        out.extend_from_slice(&self.pixels);
        out
    }
}
