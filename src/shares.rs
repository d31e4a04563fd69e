//! How much one client may hold of what all clients share: connections, streams, views and their bytes.
//!
//! A client may hold a fraction of what is free. Alone it gets a third with the usual fraction of a half; the more is held,
//! by whichever client, the less it may hold itself. So the heaviest client is refused first, and one that holds little
//! last. Switches divide their buffers so: Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
//! switches", 1998.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Name of a client. It has a share as each of its names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Party {
    /// Its address.
    Address(IpAddr),
    /// A name in its certificate.
    Identity(Arc<str>),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => ip.fmt(f),
            Self::Identity(name) => name.fmt(f),
        }
    }
}

/// Names of a client; none for a proxy on the server's own address, which speaks for many clients.
pub type Parties = Arc<[Party]>;

/// Something that clients share. Sums are of whatever unit the limit has.
#[derive(Debug)]
pub struct Shares {
    limit: u64,
    /// The part of what is free that a client may hold; 0 for all of it.
    fraction: f64,
    /// Amount that a client may hold however little is free.
    floor: u64,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    total: u64,
    /// Only parties that hold something.
    by: HashMap<Party, u64>,
}

impl Held {
    /// A client holds another amount than before.
    fn change(&mut self, parties: &Parties, before: u64, amount: u64) {
        self.total = self.total - before + amount;
        for party in &**parties {
            let by = self.by.entry(party.clone()).or_default();
            *by = *by - before + amount;
            if *by == 0 {
                self.by.remove(party);
            }
        }
    }
}

/// Why something may not be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Nothing is free.
    Full {
        /// What all clients may hold together.
        limit: u64,
    },
    /// The client holds its share.
    Share {
        /// As which it does.
        party: Party,
        /// Amount that it holds.
        held: u64,
        /// What all hold together.
        total: u64,
        /// What they may.
        limit: u64,
    },
}

impl Refused {
    /// A sentence about the refusal, for things with this name that this flag limits.
    #[must_use]
    pub fn describe(&self, things: &str, flag: &str) -> String {
        match self {
            Self::Full { limit } => {
                format!("this server has {limit} {things}, which is its limit ({flag}); ask another one")
            }
            Self::Share { party, held, total, limit } => format!(
                "{party} has {held} of the {total} {things} of this server, which is its share while all clients may have \
                 {limit} ({flag}, --client-share); close some, or ask another server"
            ),
        }
    }
}

impl Shares {
    /// Nothing is held of this limit. A client may hold `floor`, or this fraction of what is free; 0 for no share.
    #[must_use]
    pub fn new(limit: u64, fraction: f64, floor: u64) -> Arc<Self> {
        Arc::new(Self { limit, fraction, floor, held: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What all clients hold together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().total
    }

    /// Whether less than this is free.
    #[must_use]
    pub fn lacks(&self, amount: u64) -> bool {
        self.total().saturating_add(amount) > self.limit
    }

    /// So much for this client, until the hold is dropped. [`Hold::set`] may exceed the limit later.
    ///
    /// # Errors
    /// [`Refused`] says why there is none.
    pub fn take(self: &Arc<Self>, parties: &Parties, amount: u64) -> Result<Hold, Refused> {
        let mut held = self.lock();
        self.check(&held, parties, amount)?;
        held.change(parties, 0, amount);
        Ok(Hold { shares: self.clone(), parties: parties.clone(), amount })
    }

    fn check(&self, held: &Held, parties: &Parties, amount: u64) -> Result<(), Refused> {
        let (total, limit) = (held.total, self.limit);
        if total.saturating_add(amount) > limit {
            return Err(Refused::Full { limit });
        }
        if self.fraction == 0.0 {
            return Ok(());
        }
        #[expect(clippy::cast_precision_loss, reason = "a threshold need not be exact")]
        let free = (limit - total) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is below the limit")]
        let share = ((free * self.fraction) as u64).max(self.floor);
        for party in &**parties {
            let held = held.by.get(party).copied().unwrap_or_default();
            if held.saturating_add(amount) > share {
                return Err(Refused::Share { party: party.clone(), held, total, limit });
            }
        }
        Ok(())
    }
}

/// Amount that a client holds until this is dropped.
#[derive(Debug)]
pub struct Hold {
    shares: Arc<Shares>,
    parties: Parties,
    amount: u64,
}

impl Hold {
    /// Holds another amount from now on, also if that is more than may be taken.
    pub fn set(&mut self, amount: u64) {
        let before = std::mem::replace(&mut self.amount, amount);
        if before != amount {
            self.shares.lock().change(&self.parties, before, amount);
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(number: u8) -> Parties {
        Arc::new([Party::Address(IpAddr::from([10, 0, 0, number]))])
    }

    /// Holds of one that a client takes until it is refused.
    fn fill(shares: &Arc<Shares>, number: u8) -> Vec<Hold> {
        std::iter::from_fn(|| shares.take(&client(number), 1).ok()).collect()
    }

    #[test]
    fn client_alone_gets_a_third_and_others_get_less_and_less() {
        let shares = Shares::new(900, 0.5, 1);
        let first = fill(&shares, 1);
        let second = fill(&shares, 2);
        let third = fill(&shares, 3);
        assert_eq!([first.len(), second.len(), third.len()], [300, 200, 133]);
        assert!(shares.take(&client(2), 1).is_err(), "a client that holds its share gets no more");
        assert!(shares.take(&client(4), 100).is_ok(), "a client that holds nothing does");

        drop(first);
        assert!(shares.take(&client(2), 1).is_ok(), "what is given back is free for all");
    }

    #[test]
    fn refusal_names_the_party_and_what_it_holds() {
        let shares = Shares::new(90, 0.5, 1);
        let name = Party::Identity("spiffe://td/ns/a/sa/b".into());
        let with_name: Parties = Arc::new([client(1)[0].clone(), name.clone()]);
        let _hold = shares.take(&with_name, 30).expect("it is a third");
        let elsewhere: Parties = Arc::new([client(2)[0].clone(), name.clone()]);
        let refused = shares.take(&elsewhere, 1).expect_err("the identity has its share");
        assert_eq!(refused, Refused::Share { party: name, held: 30, total: 30, limit: 90 });
        shares.take(&client(2), 1).expect("the address has none");
    }

    #[test]
    fn every_client_may_hold_the_floor_while_there_is_room() {
        let shares = Shares::new(10, 0.5, 4);
        let holds: Vec<_> = (0..3).map(|number| fill(&shares, number)).collect();
        assert_eq!(holds.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
        assert_eq!(shares.take(&client(9), 1).expect_err("it is full"), Refused::Full { limit: 10 });
    }

    #[test]
    fn proxy_that_speaks_for_many_has_no_share_and_the_limit_holds() {
        let shares = Shares::new(10, 0.5, 1);
        let nobody: Parties = Arc::new([]);
        let holds: Vec<_> = std::iter::from_fn(|| shares.take(&nobody, 1).ok()).collect();
        assert_eq!(holds.len(), 10);
        assert_eq!(fill(&Shares::new(10, 0.0, 1), 1).len(), 10, "without shares a client may hold all");
    }

    proptest! {
        /// However clients come and go, sums are those of the holds, nothing is kept of a client that holds nothing, and
        /// the limit holds.
        #[test]
        fn sums_are_those_of_the_holds(steps in prop::collection::vec((0..4_u8, 0..40_u64, any::<bool>()), 0..100)) {
            let shares = Shares::new(100, 0.5, 5);
            let mut holds: Vec<(u8, u64, Hold)> = Vec::new();
            for (number, amount, gives_back) in steps {
                if gives_back {
                    holds.pop();
                } else if let Ok(hold) = shares.take(&client(number), amount) {
                    holds.push((number, amount, hold));
                }
                let sum = |of: u8| holds.iter().filter(|(n, ..)| *n == of).map(|(_, amount, _)| amount).sum::<u64>();
                prop_assert_eq!(shares.total(), (0..4).map(sum).sum::<u64>());
                prop_assert!(shares.total() <= 100);
                let held = shares.lock();
                for number in 0..4 {
                    prop_assert_eq!(held.by.get(&client(number)[0]).copied(), Some(sum(number)).filter(|sum| *sum > 0));
                }
            }
        }
    }
}
