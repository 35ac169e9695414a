//! Sorting, compiled once for all kinds of lists: the library's own is compiled for each of them.

use std::cmp::Ordering;

/// Puts a list in order; what is equal stays in the order it had.
pub fn sort<T>(list: &mut Vec<T>, compare: impl Fn(&T, &T) -> Ordering) {
    let places = places(list.len(), &|one, other| compare(&list[one], &list[other]));
    let mut unsorted: Vec<Option<T>> = std::mem::take(list).into_iter().map(Some).collect();
    list.extend(places.into_iter().filter_map(|place| unsorted[place].take()));
}

/// The places of a list's entries, in the order of the entries.
fn places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|one, other| compare(*one, *other));
    places
}

#[cfg(test)]
mod tests {
    use super::sort;

    #[test]
    fn equals_keep_their_order() {
        let mut list = vec![(2, "a"), (1, "b"), (2, "c"), (1, "d")];
        sort(&mut list, |one, other| one.0.cmp(&other.0));
        assert_eq!(list, [(1, "b"), (1, "d"), (2, "a"), (2, "c")]);
    }
}
