//! What is measured beside calls under load.

use std::fmt::Write;

use crate::report::spread;

/// A figure in each row, of both places: the median with the least and the most, or the only value there is.
pub(super) fn table<'w>([one, other]: [&str; 2], rows: impl IntoIterator<Item = (&'w str, [Vec<f64>; 2])>) -> String {
    let mut table = format!("| | {one} | {other} |\n|---|--:|--:|\n");
    for (what, [one, other]) in rows {
        // Writing to a String does not fail.
        let _ = writeln!(table, "| {what} | {} | {} |", cell(one), cell(other));
    }
    table
}

fn cell(values: Vec<f64>) -> String {
    if let [only] = values[..] {
        return format!("{only:.0}");
    }
    spread(values, |median| if median < 10.0 { 2 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn a_row_has_a_median_a_single_value_or_nothing() {
        let rows = [("time, ms", [vec![3.0, 1.0, 2.5], vec![30.4, 10.0]]), ("memory, MB", [vec![], vec![41.7]])];
        assert_eq!(
            table(["empty", "filled"], rows),
            "| | empty | filled |\n|---|--:|--:|\n\
             | time, ms | 2.50 (1.00–3.00) | 20 (10–30) |\n\
             | memory, MB | – | 42 |\n"
        );
    }
}
