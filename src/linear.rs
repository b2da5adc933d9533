//! Small systems of linear equations.

/// Solves a small system by Gaussian elimination with pivoting; `None` when it is singular.
pub(crate) fn gauss<const N: usize>(mut m: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    // Rows may differ by orders of magnitude: each is brought to one size before pivots are compared.
    for (row, right) in m.iter_mut().zip(&mut right) {
        let largest = row.iter().fold(0.0f64, |most, c| most.max(c.abs()));
        if !(largest > 0.0) {
            return None;
        }
        row.iter_mut().for_each(|c| *c /= largest);
        *right /= largest;
    }
    for col in 0..N {
        let pivot = (col..N).max_by(|&a, &b| m[a][col].abs().total_cmp(&m[b][col].abs()))?;
        if m[pivot][col].abs() < 1e-11 {
            return None;
        }
        m.swap(col, pivot);
        right.swap(col, pivot);
        let pivot = m[col];
        for row in col + 1..N {
            let factor = m[row][col] / pivot[col];
            m[row].iter_mut().zip(pivot).skip(col).for_each(|(value, above)| *value -= factor * above);
            right[row] -= factor * right[col];
        }
    }
    let mut x = [0.0; N];
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|k| m[row][k] * x[k]).sum();
        x[row] = (right[row] - known) / m[row][row];
    }
    Some(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_solution_satisfies_its_equations_whatever_the_size_of_rows() {
        let m = [[0.0, 2e6, -1e6], [3.0, 1.0, 4.0], [1e-3, 0.0, 2e-3]];
        let x = gauss(m, [5e6, 1.0, 2e-3]).expect("regular");
        for (row, right) in m.iter().zip([5e6, 1.0, 2e-3]) {
            let left: f64 = row.iter().zip(x).map(|(a, x)| a * x).sum();
            assert!((left - right).abs() < 1e-9 * right.abs(), "{x:?}");
        }
    }

    #[test]
    fn singular_systems_have_no_solution() {
        assert_eq!(gauss([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]), None);
        assert_eq!(gauss([[0.0, 0.0], [2.0, 4.0]], [0.0, 2.0]), None);
    }
}
