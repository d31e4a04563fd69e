//! What a client's frames cost it.
//!
//! Some frames are work for a server and none for a client: settings that move the windows of thousands of streams,
//! pings, windows opened a byte at a time, empty pieces. HTTP/2 allows any number of them. Here each has a price, and a
//! connection that spends more than it has is closed. What it has grows with time and with what it was sent, for a
//! client that is told a lot rightly says a lot.

use tokio::time::{Duration, Instant};

/// What a connection has at first and at most, and what is added each second. The busiest honest client is one that
/// reconnects with thousands of streams and cancels them all at once.
const PURSE: u64 = 20_000;
const A_SECOND: u64 = 2_000;
/// For how many bytes that were written to it one more is added: no client opens its windows in smaller steps.
const WRITTEN: u64 = 256;
/// The price of settings: each may be a look at every stream of the connection.
const SETTINGS: u64 = 200;

/// The head of a frame: three bytes of length, its type, its flags, its stream. RFC 9113, 4.1.
const HEAD: usize = 9;
/// What comes before the first frame.
const PREFACE: usize = 24;

mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const SETTINGS: u8 = 4;
}

/// Reads the heads of frames as they go by.
#[derive(Debug)]
pub(super) struct Toll {
    /// How much of what comes is not the head of a frame.
    skip: usize,
    head: [u8; HEAD],
    /// How much of the head is there.
    read: usize,
    purse: u64,
    counted: Instant,
}

impl Toll {
    pub(super) fn new() -> Self {
        Self { skip: PREFACE, head: [0; HEAD], read: 0, purse: PURSE, counted: Instant::now() }
    }

    /// Something was written to the client.
    pub(super) fn written(&mut self, bytes: u64) {
        self.purse = PURSE.min(self.purse + bytes.div_ceil(WRITTEN));
    }

    /// These bytes came. Whether they can be paid for.
    pub(super) fn pay(&mut self, mut bytes: &[u8]) -> bool {
        let mut price = 0;
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEAD - self.read).min(bytes.len());
            self.head[self.read..self.read + taken].copy_from_slice(&bytes[..taken]);
            self.read += taken;
            bytes = &bytes[taken..];
            if self.read == HEAD {
                self.read = 0;
                let [high, middle, low, kind, ..] = self.head;
                self.skip = u32::from_be_bytes([0, high, middle, low]) as usize;
                price += price_of(kind, self.skip);
            }
        }
        if price > self.purse {
            let now = Instant::now();
            let passed = now.saturating_duration_since(self.counted);
            self.counted = now;
            self.purse = PURSE.min(self.purse + earned(passed));
        }
        let can = price <= self.purse;
        self.purse = self.purse.saturating_sub(price);
        can
    }
}

fn earned(passed: Duration) -> u64 {
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX).saturating_mul(A_SECOND) / 1000
}

fn price_of(kind: u8, length: usize) -> u64 {
    match kind {
        // A request is paid for by its answer, and how many there may be is another limit.
        kind::HEADERS => 0,
        kind::DATA if length > 0 => 0,
        kind::SETTINGS if length > 0 => SETTINGS,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn frame(kind: u8, length: u8) -> Vec<u8> {
        let mut frame = vec![0, 0, length, kind, 0, 0, 0, 0, 1];
        frame.resize(HEAD + usize::from(length), 0xff);
        frame
    }

    const PING: u8 = 6;

    fn greeted() -> Toll {
        let mut toll = Toll::new();
        assert!(toll.pay(&[b'x'; PREFACE]));
        toll
    }

    #[tokio::test(start_paused = true)]
    async fn frames_are_told_apart_in_whatever_pieces_they_come() {
        let frames =
            [frame(kind::HEADERS, 200), frame(kind::DATA, 0), frame(PING, 8), frame(kind::SETTINGS, 6)]
                .concat();
        for size in [1, 2, 8, 9, 10, 17, 1000] {
            let mut toll = greeted();
            assert!(frames.chunks(size).all(|piece| toll.pay(piece)));
            assert_eq!(PURSE - toll.purse, 2 + SETTINGS, "in pieces of {size}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_says_too_much_cannot_pay_and_after_a_while_it_can_again() {
        let mut toll = greeted();
        let pings = frame(PING, 8).repeat(usize::try_from(PURSE).unwrap());
        assert!(toll.pay(&pings));
        assert!(!toll.pay(&frame(PING, 8)));
        advance(Duration::from_secs(1)).await;
        assert!(toll.pay(&frame(PING, 8).repeat(usize::try_from(A_SECOND).unwrap())));
        assert!(!toll.pay(&frame(PING, 8)));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_told_a_lot_may_say_a_lot() {
        let mut toll = greeted();
        for _ in 0..100 {
            toll.written(1 << 20);
            assert!(toll.pay(&frame(PING, 8).repeat(4096)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_and_their_messages_cost_nothing() {
        let mut toll = greeted();
        assert!(toll.pay(&[frame(kind::HEADERS, 100), frame(kind::DATA, 100)].concat().repeat(100_000)));
        assert_eq!(toll.purse, PURSE);
    }
}
