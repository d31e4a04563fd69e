//! The known word that a misspelled one most likely stands for, for "did you mean" in messages.

use strsim::osa_distance;

/// Longer words are not compared, in bytes: no name in Kubernetes is longer than a DNS subdomain, and comparing
/// two words costs the product of their lengths.
const MAX_LENGTH: usize = 253;

/// Candidates looked at; further ones are ignored. A comparison of two names takes microseconds.
const MAX_CANDIDATES: usize = 1000;

/// Returns the candidate that differs from `word` by the fewest edits (insert, delete, replace, swap two
/// neighbours; letter case costs nothing), if that is at most a third of the word's length. Of several equally near
/// ones the first in alphabetical order is returned, whatever order they come in. Nothing is returned if a candidate
/// is equal, or differs only in its digits as `web-v2` from `web-v1`: then the word is no misspelling.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > MAX_LENGTH {
        return None;
    }
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    let limit = (length.max(3) / 3).min(length.saturating_sub(1));
    let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let own_letters = letters(word);
    let mut best = None;
    for candidate in candidates.into_iter().take(MAX_CANDIDATES) {
        if candidate.len() == word.len() && letters(candidate) == own_letters {
            return None;
        }
        // The lengths alone tell most candidates apart, at no cost.
        if candidate.len() > MAX_LENGTH || candidate.chars().count().abs_diff(length) > limit {
            continue;
        }
        let edits = osa_distance(&lower, &candidate.to_lowercase());
        if edits <= limit && best.is_none_or(|best| (edits, candidate) < best) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_words_find_the_word_they_stand_for() {
        let fields = ["weight", "service", "selector", "clusterIP", "clusterIPs", "matchLabels", "name"];
        for (word, expect) in [
            ("weigth", Some("weight")),
            ("wieght", Some("weight")),
            ("WEIGHT", Some("weight")),
            ("clusterIp", Some("clusterIP")),
            ("selectors", Some("selector")),
            ("matchLabel", Some("matchLabels")),
            ("nmae", Some("name")),
            ("ame", Some("name")),
            ("weight", None),
            ("backends", None),
            ("x", None),
            ("name1", Some("name")),
            ("", None),
        ] {
            assert_eq!(nearest(word, fields), expect, "{word}");
            assert_eq!(nearest(word, fields.into_iter().rev()), expect, "{word}, reversed");
        }
    }

    #[test]
    fn of_equally_near_words_the_first_by_name_is_suggested() {
        assert_eq!(nearest("web-x", ["web-b", "web-a", "web-c"]), Some("web-a"));
    }

    #[test]
    fn names_with_another_number_are_not_suggested() {
        assert_eq!(nearest("web-v4", ["web", "web-v1", "web-v2"]), None);
        assert_eq!(nearest("wbe-v4", ["web-v1", "web-v4"]), Some("web-v4"));
    }

    #[test]
    fn long_words_are_not_compared() {
        let (long, longer) = ("a".repeat(MAX_LENGTH + 1), "a".repeat(MAX_LENGTH));
        assert_eq!(nearest(&long, [&*longer]), None);
        assert_eq!(nearest(&"a".repeat(MAX_LENGTH - 1), [&*longer]), Some(&*longer));
    }
}
