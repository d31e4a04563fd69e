//! Lists of names in messages, of which only the first ones are written out.

use std::fmt::Display;

/// Formats up to `max` items as `a, b, c`, and counts further ones: `a, b, c and 2 more`.
pub(crate) fn listed<T: Display>(items: impl IntoIterator<Item = T>, max: usize) -> String {
    let mut items = items.into_iter();
    let first: Vec<_> = items.by_ref().take(max).map(|item| item.to_string()).collect();
    match items.count() {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn items_beyond_the_bound_are_counted() {
        assert_eq!(listed::<&str>([], 2), "");
        assert_eq!(listed(["a", "b"], 2), "a, b");
        assert_eq!(listed(["a", "b", "c", "d"], 2), "a, b and 2 more");
    }
}
