//! Names and places that stay the same from run to run: a hash of our own, and Kubernetes-like suffixes.
//!
//! The hasher of the standard library may differ from version to version; what is made up here must not, so
//! that a restart or another replica makes up the same Pods with the same addresses.

/// FNV-1a over 64 bits, with the bits mixed once more so that any of them can be used alone.
pub(super) fn hash(text: &str) -> u64 {
    let fnv = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // FNV's low bits alone follow those of the text.
    mix(fnv)
}

/// A hash of both, for text that is hashed once and combined many times.
pub(super) fn combine(one: u64, other: u64) -> u64 {
    mix(one ^ mix(other))
}

/// The finishing step of MurmurHash3.
fn mix(number: u64) -> u64 {
    let mixed = (number ^ (number >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    mixed ^ (mixed >> 33)
}

/// The letters that Kubernetes makes up names from: no vowels, so no words.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The base of [`ALPHABET`].
const BASE: u64 = 27;

/// How many suffixes of five letters there are.
const SUFFIXES: u64 = BASE.pow(5);

/// The last `length` letters of a number. Numbers that differ by less than `27^length` have different ones.
pub(super) fn letters(mut number: u64, length: usize) -> String {
    let letter = |_| {
        let index = usize::try_from(number % BASE).expect("below 27");
        number /= BASE;
        char::from(ALPHABET[index])
    };
    (0..length).map(letter).collect()
}

/// The suffix of the Pod with that ordinal among those that share a seed. Ordinals below `27^5` have
/// different ones, and neighbours do not look alike.
pub(super) fn ordinal_suffix(seed: u64, ordinal: u64) -> String {
    /// Spreads the ordinals; it shares no factor with 27, so none fall together.
    const SPREAD: u64 = 5_915_587;
    const { assert!(!SPREAD.is_multiple_of(3)) };
    letters((ordinal % SUFFIXES) * SPREAD + seed % SUFFIXES, 5)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn hashes_never_change() {
        assert_eq!(hash(""), 0xefd0_1f60_ba99_2926);
        assert_eq!(hash("default/reviews-v2"), hash("default/reviews-v2"));
        assert_ne!(hash("default/reviews-v2"), hash("default/reviews-v3"));
    }

    #[test]
    fn suffixes_of_ordinals_differ() {
        let suffixes: BTreeSet<_> = (0..100_000).map(|i| ordinal_suffix(hash("web"), i)).collect();
        assert_eq!(suffixes.len(), 100_000);
        assert!(suffixes.iter().all(|s| s.len() == 5 && s.bytes().all(|b| ALPHABET.contains(&b))));
    }
}
