//! Boxes on a page.

use serde::{Deserialize, Serialize};

/// A box in PDF points (1/72 inch), origin at the top left of the page as it is shown.
///
/// On the wire it is `[x0, y0, x1, y1]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f32; 4]", into = "[f32; 4]")]
pub struct Rect {
    /// Left edge.
    pub x0: f32,
    /// Top edge.
    pub y0: f32,
    /// Right edge, not less than `x0`.
    pub x1: f32,
    /// Bottom edge, not less than `y0`.
    pub y1: f32,
}

impl Rect {
    /// A box from two opposite corners, in either order.
    pub fn new(x0: f32, y0: f32, x1: f32, y1: f32) -> Self {
        Self { x0: x0.min(x1), y0: y0.min(y1), x1: x0.max(x1), y1: y0.max(y1) }
    }

    /// Width in points.
    pub fn width(&self) -> f32 {
        self.x1 - self.x0
    }

    /// Height in points.
    pub fn height(&self) -> f32 {
        self.y1 - self.y0
    }

    /// Area in square points.
    pub fn area(&self) -> f32 {
        self.width() * self.height()
    }

    /// Horizontal middle.
    pub fn center_x(&self) -> f32 {
        (self.x0 + self.x1) / 2.0
    }

    /// Vertical middle.
    pub fn center_y(&self) -> f32 {
        (self.y0 + self.y1) / 2.0
    }

    /// The smallest box that holds both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }

    /// The smallest box that holds all of them, or `None` when there are none.
    pub fn union_all<'a>(boxes: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        boxes.into_iter().copied().reduce(|a, b| a.union(&b))
    }

    /// The common part, or `None` when they do not touch.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let (x0, y0) = (self.x0.max(other.x0), self.y0.max(other.y0));
        let (x1, y1) = (self.x1.min(other.x1), self.y1.min(other.y1));
        (x0 < x1 && y0 < y1).then_some(Self { x0, y0, x1, y1 })
    }

    /// Length of the common vertical extent, 0 when there is none.
    pub fn vertical_overlap(&self, other: &Self) -> f32 {
        (self.y1.min(other.y1) - self.y0.max(other.y0)).max(0.0)
    }

    /// Length of the common horizontal extent, 0 when there is none.
    pub fn horizontal_overlap(&self, other: &Self) -> f32 {
        (self.x1.min(other.x1) - self.x0.max(other.x0)).max(0.0)
    }

    /// Whether `other` lies inside, with `slack` points to spare on each side.
    pub fn contains(&self, other: &Self, slack: f32) -> bool {
        self.x0 - slack <= other.x0
            && self.y0 - slack <= other.y0
            && self.x1 + slack >= other.x1
            && self.y1 + slack >= other.y1
    }

    /// Whether the middle of `other` lies inside, with `slack` points to spare on each side.
    pub fn holds_middle_of(&self, other: &Self, slack: f32) -> bool {
        let (x, y) = (other.center_x(), other.center_y());
        self.contains(&Self::new(x, y, x, y), slack)
    }
}

impl From<[f32; 4]> for Rect {
    fn from([x0, y0, x1, y1]: [f32; 4]) -> Self {
        Self::new(x0, y0, x1, y1)
    }
}

impl From<Rect> for [f32; 4] {
    /// Rounded to hundredths of a point, finer than any eye or printer.
    fn from(rect: Rect) -> Self {
        [rect.x0, rect.y0, rect.x1, rect.y1].map(|value| (value * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_box()(x0 in -1e4_f32..1e4, y0 in -1e4_f32..1e4, x1 in -1e4_f32..1e4, y1 in -1e4_f32..1e4) -> Rect {
            Rect::new(x0, y0, x1, y1)
        }
    }

    proptest! {
        #[test]
        fn corners_may_come_in_any_order(x0 in any::<f32>(), y0 in any::<f32>(), x1 in any::<f32>(), y1 in any::<f32>()) {
            let made = Rect::new(x0, y0, x1, y1);
            if ![x0, y0, x1, y1].iter().any(|value| value.is_nan()) {
                prop_assert!(made.x0 <= made.x1 && made.y0 <= made.y1);
                prop_assert_eq!(made, Rect::new(x1, y1, x0, y0));
            }
        }

        #[test]
        fn a_union_holds_both_and_nothing_smaller_does(a in any_box(), b in any_box()) {
            let union = a.union(&b);
            prop_assert_eq!(union, b.union(&a));
            prop_assert!(union.contains(&a, 0.0) && union.contains(&b, 0.0));
            prop_assert_eq!(union.width(), a.x1.max(b.x1) - a.x0.min(b.x0));
            prop_assert_eq!(Rect::union_all([&a, &b]), Some(union));
        }

        #[test]
        fn an_intersection_lies_in_both(a in any_box(), b in any_box()) {
            let common = a.intersection(&b);
            prop_assert_eq!(common, b.intersection(&a));
            match common {
                Some(common) => {
                    prop_assert!(a.contains(&common, 0.0) && b.contains(&common, 0.0));
                    prop_assert_eq!(common.width(), a.horizontal_overlap(&b));
                    prop_assert_eq!(common.height(), a.vertical_overlap(&b));
                }
                None => prop_assert!(a.horizontal_overlap(&b) == 0.0 || a.vertical_overlap(&b) == 0.0),
            }
        }

        #[test]
        fn the_wire_changes_a_box_by_less_than_a_hundredth(a in any_box()) {
            let sent: [f32; 4] = a.into();
            let back = Rect::from(sent);
            prop_assert!(back.contains(&a, 0.01) && a.contains(&back, 0.01));
            prop_assert_eq!(<[f32; 4]>::from(back), sent);
        }
    }
}
