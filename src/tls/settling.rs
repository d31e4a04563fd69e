//! When what the files hold counts: once it was seen twice in a row.
//!
//! Whoever writes the files one after another, or in pieces, is met in the middle sooner or later. What is
//! there then may even look right: a chain without its last certificate, a bundle with half of its CAs.

/// What is known of the files, each content standing as a number.
#[derive(Debug)]
pub(super) struct Settling {
    used: u64,
    last: u64,
    refused: Option<u64>,
}

/// What a look at the files means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing new, or nothing sure.
    Nothing,
    /// This is new: try it, and say how that went with `used` or `refused`.
    New,
    /// After something that was refused they hold again what is in use.
    Restored,
}

impl Settling {
    /// This content is in use.
    pub(super) fn new(used: u64) -> Self {
        Self { used, last: used, refused: None }
    }

    /// The files hold this now.
    pub(super) fn see(&mut self, now: u64) -> Sight {
        let settled = std::mem::replace(&mut self.last, now) == now;
        if !settled || self.refused == Some(now) {
            Sight::Nothing
        } else if now != self.used {
            Sight::New
        } else if self.refused.take().is_some() {
            Sight::Restored
        } else {
            Sight::Nothing
        }
    }

    /// What was seen last is in use now.
    pub(super) fn used(&mut self) {
        self.used = self.last;
        self.refused = None;
    }

    /// What was seen last cannot be used.
    pub(super) fn refused(&mut self) {
        self.refused = Some(self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Settling,
        Sight::{self, New, Nothing, Restored},
    };

    const OLD: u64 = 1;
    const GOOD: u64 = 2;
    const BROKEN: u64 = 3;
    const TORN: u64 = 4;

    /// Shows these contents one after another; all that is new is tried, and the broken ones are refused.
    fn looks(contents: &[u64]) -> Vec<Sight> {
        let mut settling = Settling::new(OLD);
        let look = |&now: &u64| {
            let sight = settling.see(now);
            match sight {
                New if now == BROKEN => settling.refused(),
                New => settling.used(),
                Nothing | Restored => {}
            }
            sight
        };
        contents.iter().map(look).collect()
    }

    #[test]
    fn what_was_seen_twice_is_tried_once() {
        assert_eq!(looks(&[OLD, GOOD, GOOD, GOOD]), [Nothing, Nothing, New, Nothing]);
        assert_eq!(looks(&[BROKEN, BROKEN, BROKEN]), [Nothing, New, Nothing]);
    }

    #[test]
    fn what_was_there_only_in_passing_is_never_tried() {
        assert_eq!(looks(&[TORN, GOOD, GOOD]), [Nothing, Nothing, New]);
        assert_eq!(looks(&[TORN, OLD, OLD]), [Nothing, Nothing, Nothing]);
    }

    #[test]
    fn a_broken_pair_may_be_mended_or_taken_back() {
        assert_eq!(looks(&[BROKEN, BROKEN, GOOD, GOOD]), [Nothing, New, Nothing, New]);
        assert_eq!(looks(&[BROKEN, BROKEN, OLD, OLD, OLD]), [Nothing, New, Nothing, Restored, Nothing]);
        assert_eq!(looks(&[BROKEN, BROKEN, TORN, BROKEN, BROKEN]), [Nothing, New, Nothing, Nothing, Nothing]);
    }
}
