//! What the log says of splits: a line for each change that the timeline has.
//!
//! Only what somebody did to a split is said. That backends became empty or have endpoints again moves shares too,
//! and does so all day long; the page has it.

use super::timeline::{Event, Move};

/// How many lines an observation may have: more happen at once when a whole folder or cluster changes.
const LINES: usize = 20;

/// How many backends a line names.
const BACKENDS: usize = 8;

/// The lines for what happened, in the same order.
pub(super) fn lines<'e>(events: impl IntoIterator<Item = &'e Event>) -> Vec<String> {
    let (mut lines, mut more) = (Vec::new(), 0_usize);
    for line in events.into_iter().filter_map(line) {
        if lines.len() < LINES { lines.push(line) } else { more += 1 }
    }
    if more > 0 {
        lines.push(format!("and {more} more changes of splits"));
    }
    lines
}

fn line(event: &Event) -> Option<String> {
    match event {
        Event::SplitNew { service, split, .. } => {
            Some(format!("{service} is split by TrafficSplit {split} now"))
        }
        Event::SplitGone { service, split, .. } => {
            Some(format!("{service} is not split by TrafficSplit {split} any more"))
        }
        Event::Shares { service, ports, edited: true, moves, .. } => {
            let ports: Vec<_> = ports.iter().map(ToString::to_string).collect();
            let mut said: Vec<_> = moves.iter().take(BACKENDS).map(moved).collect();
            if moves.len() > BACKENDS {
                said.push(format!("and {} more backends", moves.len() - BACKENDS));
            }
            Some(format!("{service}:{} {}", ports.join(","), said.join(", ")))
        }
        _ => None,
    }
}

fn moved(Move { backend, from, to }: &Move) -> String {
    format!("{backend} {} -> {}", percent(*from), percent(*to))
}

/// A share of a billion with at most two decimals; what is more than nothing is never `0 %`.
fn percent(share: u32) -> String {
    let hundredths = (u64::from(share) + 50_000) / 100_000;
    if hundredths == 0 && share > 0 {
        return "<0.01 %".to_owned();
    }
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(edited: bool, moves: Vec<Move>) -> Event {
        Event::Shares { service: "shop/reviews".into(), ports: vec![9080, 9081], edited, moves }
    }

    fn to(backend: &str, from: u32, to: u32) -> Move {
        Move { backend: backend.to_owned(), from, to }
    }

    #[test]
    fn weights_that_were_moved_are_said_in_percent() {
        let moves = vec![
            to("reviews-v2", 500_000_000, 100_000_000),
            to("reviews-v3", 333_333_333, 899_999_999),
            to("reviews-v4", 0, 1),
        ];
        assert_eq!(
            lines(&[shares(true, moves)]),
            [
                "shop/reviews:9080,9081 reviews-v2 50 % -> 10 %, reviews-v3 33.33 % -> 90 %, reviews-v4 0 % -> <0.01 %"
            ]
        );
    }

    #[test]
    fn endpoints_that_come_and_go_are_not_said() {
        let endpoints = Event::Endpoints { service: "shop/reviews".into(), added: 1, removed: 0, ready: 1 };
        let moves = vec![to("a", 500_000_000, 1_000_000_000)];
        assert_eq!(lines(&[endpoints, shares(false, moves)]), [""; 0]);
    }

    #[test]
    fn lines_and_the_backends_in_one_are_bounded() {
        let moves = (0..10).map(|n| to(&format!("b{n}"), 0, 100_000_000)).collect();
        let all = vec![shares(true, moves); LINES + 2];
        let said = lines(&all);
        assert_eq!(said.len(), LINES + 1);
        assert!(said[0].ends_with("b7 0 % -> 10 %, and 2 more backends"), "{}", said[0]);
        assert_eq!(said[LINES], "and 2 more changes of splits");
    }
}
