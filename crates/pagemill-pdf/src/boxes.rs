//! Rectangles that are drawn as paths of four lines.

use hayro_interpret::kurbo::{Affine, PathEl, Point, Rect};

/// The rectangles a filled path consists of, when it consists of nothing else and they are upright on the page.
pub(crate) fn upright_boxes(elements: &[PathEl], transform: Affine) -> Option<Vec<Rect>> {
    let mut boxes = Vec::new();
    let mut corners: Vec<Point> = Vec::new();
    for element in elements {
        match element {
            PathEl::MoveTo(point) => {
                close(&mut corners, &mut boxes)?;
                corners.push(transform * *point);
            }
            PathEl::LineTo(point) => corners.push(transform * *point),
            PathEl::ClosePath => {}
            PathEl::QuadTo(..) | PathEl::CurveTo(..) => return None,
        }
    }
    close(&mut corners, &mut boxes)?;
    (!boxes.is_empty()).then_some(boxes)
}

/// Ends a part of a path; a single point is nothing. `None` when the part is no upright rectangle.
fn close(corners: &mut Vec<Point>, boxes: &mut Vec<Rect>) -> Option<()> {
    if corners.len() == 5 && corners[0].distance(corners[4]) < 0.1 {
        corners.pop();
    }
    match corners.as_slice() {
        [] | [_] => {}
        [a, b, c, d] => {
            let across = |from: &Point, to: &Point| (from.y - to.y).abs() < 0.1;
            let down = |from: &Point, to: &Point| (from.x - to.x).abs() < 0.1;
            let begins_across = across(a, b) && down(b, c) && across(c, d) && down(d, a);
            let begins_down = down(a, b) && across(b, c) && down(c, d) && across(d, a);
            if !begins_across && !begins_down {
                return None;
            }
            boxes.push(Rect::from_points(*a, *c));
        }
        _ => return None,
    }
    corners.clear();
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(points: &[(f64, f64)]) -> Vec<PathEl> {
        let mut elements: Vec<PathEl> = points.iter().map(|point| PathEl::LineTo((*point).into())).collect();
        elements[0] = PathEl::MoveTo(points[0].into());
        elements.push(PathEl::ClosePath);
        elements
    }

    #[test]
    fn rectangles_are_told_from_other_shapes() {
        let mut two = path(&[(0.0, 0.0), (9.0, 0.0), (9.0, 1.0), (0.0, 1.0)]);
        two.extend(path(&[(0.0, 5.0), (0.0, 6.0), (9.0, 6.0), (9.0, 5.0), (0.0, 5.0)]));
        let expected = vec![Rect::new(0.0, 0.0, 9.0, 1.0), Rect::new(0.0, 5.0, 9.0, 6.0)];
        assert_eq!(upright_boxes(&two, Affine::IDENTITY), Some(expected));
        let slanted = path(&[(0.0, 0.0), (9.0, 0.0), (12.0, 4.0), (3.0, 4.0)]);
        assert_eq!(upright_boxes(&slanted, Affine::IDENTITY), None);
        assert_eq!(upright_boxes(&path(&[(0.0, 0.0), (9.0, 0.0), (9.0, 9.0)]), Affine::IDENTITY), None);
    }
}
