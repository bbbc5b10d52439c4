//! What a glyph draws, where its code does not tell: signs of mathematics that fonts hold under letters, and roots that
//! hang below their baseline.

use hayro_interpret::kurbo::{BezPath, PathEl, Shape as _, Vec2};

/// Ends of bars this close together, in thousandths of an em, are level.
const SAME: f64 = 12.0;
/// Height of the bar of a minus over the baseline, in thousandths of an em.
const AXIS: f64 = 250.0;

/// Whether what a character says is worth a look at what it draws: some typesetting systems keep `=` and `+` under the
/// codes of `¼` and `þ`.
pub(super) fn is_doubtful(character: char) -> bool {
    matches!(character, '\u{bc}'..='\u{be}' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{ff}')
}

/// The sign an outline draws, whose ends may be round. No letter is drawn as any of these.
pub(super) fn sign(outline: &BezPath) -> Option<char> {
    let parts = parts(outline)?;
    match parts.as_slice() {
        [one] if is_bar(one) => Some('−'),
        [one] => cross(one),
        [one, other] if is_bar(one) && is_bar(other) => {
            let (a, b) = (one.bounding_box(), other.bounding_box());
            let level = (a.x0 - b.x0).abs() < SAME && (a.x1 - b.x1).abs() < SAME;
            let apart = a.y0 > b.y1 || b.y0 > a.y1;
            (level && apart).then_some('=')
        }
        _ => None,
    }
}

/// The closed parts of an outline; `None` when there are more than a sign has.
fn parts(outline: &BezPath) -> Option<Vec<BezPath>> {
    let mut parts: Vec<BezPath> = Vec::new();
    for element in outline.elements() {
        if !matches!(element, PathEl::MoveTo(_)) {
            parts.last_mut()?.push(*element);
        } else if parts.len() < 2 {
            parts.push(BezPath::from_vec(vec![*element]));
        } else {
            return None;
        }
    }
    Some(parts)
}

/// Whether a part is a bar: much wider than high, and all of its box.
fn is_bar(part: &BezPath) -> bool {
    let bbox = part.bounding_box();
    bbox.width() > 200.0 && bbox.width() > 3.0 * bbox.height() && part.area().abs() > 0.85 * bbox.area()
}

/// A cross with arms of one length, upright or aslant.
fn cross(part: &BezPath) -> Option<char> {
    let bbox = part.bounding_box();
    let side = bbox.width();
    if side < 200.0 || (side - bbox.height()).abs() > 0.1 * side || part.area().abs() > 0.5 * bbox.area() {
        return None;
    }
    let inside = |(x, y): (f64, f64)| part.contains(bbox.center() + Vec2::new(x, y) * side);
    let upright = [(0.4, 0.0), (-0.4, 0.0), (0.0, 0.4), (0.0, -0.4)];
    let aslant = [(0.28, 0.28), (-0.28, 0.28), (0.28, -0.28), (-0.28, -0.28)];
    if !inside((0.0, 0.0)) {
        return None;
    }
    if upright.into_iter().all(inside) && !aslant.into_iter().any(inside) {
        return Some('+');
    }
    (aslant.into_iter().all(inside) && !upright.into_iter().any(inside)).then_some('×')
}

/// How far below the baseline of its glyph the line stands that a root is of, in ems; 0 where it stands on it.
pub(super) fn drop_of_root(outline: &BezPath) -> f32 {
    let bbox = outline.bounding_box();
    let hangs = bbox.y1 < 350.0 && bbox.y0 < -400.0;
    if hangs { ((AXIS - bbox.center().y) / 1000.0) as f32 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(parts: &[&[(f64, f64)]]) -> BezPath {
        let mut path = BezPath::new();
        for part in parts {
            for (at, point) in part.iter().enumerate() {
                if at == 0 { path.move_to(*point) } else { path.line_to(*point) }
            }
            path.close_path();
        }
        path
    }

    const LOWER: [(f64, f64); 4] = [(50.0, 100.0), (550.0, 100.0), (550.0, 160.0), (50.0, 160.0)];
    const UPPER: [(f64, f64); 4] = [(50.0, 300.0), (550.0, 300.0), (550.0, 360.0), (50.0, 360.0)];

    #[test]
    fn bars_and_crosses_are_signs() {
        let plus = [
            (270.0, 0.0),
            (330.0, 0.0),
            (330.0, 220.0),
            (550.0, 220.0),
            (550.0, 280.0),
            (330.0, 280.0),
            (330.0, 500.0),
            (270.0, 500.0),
            (270.0, 280.0),
            (50.0, 280.0),
            (50.0, 220.0),
            (270.0, 220.0),
        ];
        assert_eq!(sign(&path(&[&LOWER, &UPPER])), Some('='));
        assert_eq!(sign(&path(&[&UPPER])), Some('−'));
        assert_eq!(sign(&path(&[&plus])), Some('+'));
        let mut times = path(&[&plus]);
        times.apply_affine(hayro_interpret::kurbo::Affine::rotate(0.785));
        assert_eq!(sign(&times), Some('×'));
        let mut round = BezPath::new();
        round.move_to((100.0, 300.0));
        round.line_to((500.0, 300.0));
        round.curve_to((540.0, 300.0), (540.0, 360.0), (500.0, 360.0));
        round.line_to((100.0, 360.0));
        round.curve_to((60.0, 360.0), (60.0, 300.0), (100.0, 300.0));
        round.close_path();
        assert_eq!(sign(&round), Some('−'));
    }

    #[test]
    fn letters_are_no_signs() {
        let stem = [(100.0, 0.0), (160.0, 0.0), (160.0, 600.0), (100.0, 600.0)];
        let ell = [(0.0, 0.0), (400.0, 0.0), (400.0, 60.0), (60.0, 60.0), (60.0, 700.0), (0.0, 700.0)];
        let ring = [(0.0, 0.0), (600.0, 0.0), (600.0, 600.0), (0.0, 600.0), (0.0, 60.0), (60.0, 540.0), (540.0, 60.0)];
        for outline in [path(&[&stem]), path(&[&ell]), path(&[&LOWER, &stem]), path(&[]), path(&[&ring])] {
            assert_eq!(sign(&outline), None, "{outline:?}");
        }
    }

    #[test]
    fn a_root_that_hangs_below_its_baseline_is_of_a_line_further_down() {
        let root = |top: f64, bottom: f64| path(&[&[(0.0, bottom), (800.0, top), (700.0, top)]]);
        assert!((drop_of_root(&root(40.0, -960.0)) - 0.71).abs() < 0.001);
        assert!(drop_of_root(&root(800.0, -100.0)).abs() < 0.001);
    }
}
