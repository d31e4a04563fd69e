//! A client that believes what it is told, and refuses to be told what it knows.

use std::{collections::BTreeMap, net::SocketAddr};

use prost::Message;
use switchyard::{
    pb::destination as pb,
    resolve::Answer,
    wire::{self, Frames},
};

/// What a client knows of one endpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Known {
    pub(crate) weight: u32,
    /// Everything else that is said of it, but its address.
    pub(crate) said: pb::WeightedAddr,
    /// The labels of the set it came in.
    pub(crate) set: BTreeMap<String, String>,
}

impl Known {
    /// Of this message, in whatever set.
    pub(crate) fn new(weight: u32, said: pb::WeightedAddr) -> Self {
        Self { weight, said: pb::WeightedAddr { addr: None, weight: 0, ..said }, set: BTreeMap::new() }
    }
}

/// What a client knows, or should.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// From `Get`.
    Endpoints { exists: bool, known: BTreeMap<SocketAddr, Known> },
    /// From `GetProfile`.
    Profile(Box<pb::DestinationProfile>),
}

/// One stream, from its first message on.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    state: Option<State>,
}

impl Stream {
    /// `None` before the first message.
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Takes what one poll gave.
    ///
    /// # Errors
    /// What no client may ever be sent, in words.
    pub(crate) fn take(&mut self, frames: &Frames, profile: bool) -> Result<(), String> {
        let messages = split(frames)?;
        let first = self.state.is_none();
        match messages.len() {
            1 => {}
            2 if !first && !profile => {}
            count => return Err(format!("{count} messages at once, first={first} profile={profile}")),
        }
        if profile {
            return self.take_profile(messages[0]);
        }
        let updates: Result<Vec<_>, _> = messages.into_iter().map(pb::Update::decode).collect();
        let updates = updates.map_err(|error| error.to_string())?;
        let updates: Option<Vec<_>> = updates.into_iter().map(|update| update.update).collect();
        let updates = updates.ok_or("an update that says nothing")?;
        if let [first, second] = &updates[..] {
            use pb::update::Update;
            if !matches!((first, second), (Update::Add(_), Update::Remove(_))) {
                return Err(format!("not an add before a remove: {first:?} then {second:?}"));
            }
        }
        updates.into_iter().try_for_each(|update| self.take_update(update))
    }

    fn take_profile(&mut self, message: &[u8]) -> Result<(), String> {
        let profile = pb::DestinationProfile::decode(message).map_err(|error| error.to_string())?;
        let overrides = &profile.dst_overrides;
        if overrides.iter().map(|dst| u64::from(dst.weight)).sum::<u64>() > u32::MAX.into() {
            return Err(format!("overrides that overflow a proxy: {overrides:?}"));
        }
        let next = Some(State::Profile(Box::new(profile)));
        if self.state == next {
            return Err(format!("the same profile again: {next:?}"));
        }
        self.state = next;
        Ok(())
    }

    fn take_update(&mut self, update: pb::update::Update) -> Result<(), String> {
        let before = self.state.clone();
        let mut known = match before.clone() {
            Some(State::Endpoints { known, .. }) => known,
            _ => BTreeMap::new(),
        };
        match update {
            pb::update::Update::Add(set) => {
                let added = read_set(&set)?;
                if let Some((addr, same)) = added.iter().find(|(addr, one)| known.get(addr) == Some(one)) {
                    return Err(format!("{addr} was sent again as it was: {same:?}"));
                }
                known.extend(added);
                self.state = Some(State::Endpoints { exists: true, known });
            }
            pb::update::Update::Remove(set) => {
                let addrs: Result<Vec<SocketAddr>, _> = set.addrs.iter().map(TryInto::try_into).collect();
                let addrs = addrs.map_err(|error| error.to_string())?;
                if before.is_none() || addrs.is_empty() || !addrs.is_sorted_by(|a, b| a < b) {
                    return Err(format!("a remove of {addrs:?} after {before:?}"));
                }
                if let Some(addr) = addrs.iter().find(|addr| known.remove(addr).is_none()) {
                    return Err(format!("a remove of {addr}, which is unknown"));
                }
                if known.is_empty() {
                    return Err("a remove of the last endpoint, where no_endpoints belongs".to_owned());
                }
                self.state = Some(State::Endpoints { exists: true, known });
            }
            pb::update::Update::NoEndpoints(none) => {
                self.state = Some(State::Endpoints { exists: none.exists, known: BTreeMap::new() });
                if self.state == before {
                    return Err(format!("{none:?} was sent again"));
                }
            }
        }
        match &self.state {
            Some(State::Endpoints { known, .. }) => check_sum(known),
            _ => Ok(()),
        }
    }
}

/// The endpoints of an add. They have to be in canonical order, each once, and each with a weight.
fn read_set(set: &pb::WeightedAddrSet) -> Result<Vec<(SocketAddr, Known)>, String> {
    let mut read = Vec::new();
    for addr in &set.addrs {
        let at = addr.addr.as_ref().ok_or("an endpoint without an address")?;
        let at = SocketAddr::try_from(at).map_err(|error| error.to_string())?;
        if addr.weight == 0 {
            return Err(format!("{at} has weight 0"));
        }
        read.push((at, Known { set: set.metric_labels.clone(), ..Known::new(addr.weight, addr.clone()) }));
    }
    if read.is_empty() || !read.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(format!("an add that is empty or not in order: {read:?}"));
    }
    Ok(read)
}

/// A client sums the weights in 32 bits, after whichever message.
fn check_sum(known: &BTreeMap<SocketAddr, Known>) -> Result<(), String> {
    let sum: u64 = known.values().map(|one| u64::from(one.weight)).sum();
    if sum > u32::MAX.into() { Err(format!("weights that overflow: {known:?}")) } else { Ok(()) }
}

/// The messages of some frames, without their prefixes.
fn split(frames: &Frames) -> Result<Vec<&[u8]>, String> {
    let (mut rest, mut messages) = (&frames.bytes[..], Vec::new());
    while !rest.is_empty() {
        let prefix = rest.first_chunk::<5>().ok_or("a prefix that is cut off")?;
        let [0, length @ ..] = *prefix else {
            return Err("a message that claims to be compressed".to_owned());
        };
        let length = u32::from_be_bytes(length) as usize;
        messages.push(rest.get(5..5 + length).ok_or("a message that is cut off")?);
        rest = &rest[5 + length..];
    }
    let claimed = frames.messages as usize;
    if messages.len() == claimed { Ok(messages) } else { Err(format!("{claimed} messages claimed")) }
}

/// What a new stream is sent first.
pub(crate) fn first_frames(answer: &Answer) -> Frames {
    match answer {
        Answer::Endpoints(view) => wire::snapshot(view),
        Answer::Profile(profile) => profile.message.clone(),
    }
}

/// What somebody knows who asks now.
///
/// # Errors
/// As [`Stream::take`].
pub(crate) fn read(answer: &Answer) -> Result<State, String> {
    let mut stream = Stream::default();
    stream.take(&first_frames(answer), matches!(answer, Answer::Profile(_)))?;
    stream.state.ok_or_else(|| "no message".to_owned())
}
