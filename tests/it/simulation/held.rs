//! What one client holds, and what it may come to hold: only what was true, later and later, with no endpoint
//! gone in between that was there all the time, and nothing said twice.

use std::{collections::BTreeSet, net::SocketAddr};

use bytes::Bytes;
use prost::Message;
use switchyard::{
    pb::destination::{Update, update},
    resolve::{Query, Target},
    wire::Frames,
};

use super::{server::Server, shares};
use crate::laws::client::{State, Stream};

/// See the module's documentation.
pub(super) struct Held {
    target: Target,
    /// The messages of the newest stream that has sent any, put together.
    stream: Stream,
    /// A new stream was opened and has said nothing: its first message replaces everything.
    is_new: bool,
    /// Which server said it, and the first moment from which it may be.
    since: (usize, usize),
    /// The last message was an add: of which moment it is the whole truth, if of any. If a remove follows they
    /// belong together, and this is the one moment in which a client holds more than was ever true.
    added: Option<Option<usize>>,
    /// What has come of a message that is not whole.
    rest: Vec<u8>,
}

impl Held {
    pub(super) fn new(target: Target) -> Self {
        Self { target, stream: Stream::default(), is_new: true, since: (0, 0), added: None, rest: Vec::new() }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    pub(super) fn state(&self) -> Option<&State> {
        self.stream.state()
    }

    /// A stream begins anew.
    pub(super) fn begin(&mut self) {
        self.is_new = true;
        self.added = None;
        self.rest.clear();
    }

    /// Takes what came from a server, which had made known everything up to `floor` before.
    ///
    /// # Errors
    /// What no client may ever be sent, in words.
    pub(super) fn take(&mut self, server: &Server, bytes: &Bytes, floor: usize) -> Result<(), String> {
        if server.history.len() == 0 {
            return Err("an answer before anything is known".to_owned());
        }
        if self.since.0 != server.number {
            self.since = (server.number, 0);
        }
        self.rest.extend_from_slice(bytes);
        while let Some(message) = whole_message(&mut self.rest)? {
            self.take_message(server, message, floor)?;
        }
        Ok(())
    }

    fn take_message(&mut self, server: &Server, message: Bytes, floor: usize) -> Result<(), String> {
        use update::Update::{Add, Remove};
        let before = endpoints(self.state());
        let is_get = matches!(self.target.query, Query::Endpoints { .. });
        let kind =
            if is_get { Update::decode(&message[5..]).map_err(|e| e.to_string())?.update } else { None };
        match self.added.take() {
            Some(Some(moment)) if !matches!(kind, Some(Remove(_))) => self.since.1 = moment,
            Some(None) if !matches!(kind, Some(Remove(_))) => {
                return Err(format!("only a remove could make it true again, not {kind:?}"));
            }
            _ => {}
        }
        let is_first = self.is_new;
        if is_first {
            (self.stream, self.is_new) = (Stream::default(), false);
        }
        self.stream.take(&Frames { bytes: message, messages: 1 }, !is_get)?;
        self.check_nobody_missing(server, &before, floor)?;
        let found = self.find(server, floor);
        match (found, kind) {
            (None, Some(Add(_))) if !is_first => self.added = Some(None),
            (None, _) => return Err(self.never(server, floor)),
            (Some(moment), kind) => {
                let state = self.stream.state().expect("a message has come");
                shares::check(&server.history, moment, &self.target, state)?;
                match kind {
                    Some(Add(_)) if !is_first => self.added = Some(Some(moment)),
                    _ => self.since.1 = moment,
                }
            }
        }
        Ok(())
    }

    /// Checks that nobody is gone who was there at every moment.
    fn check_nobody_missing(
        &self,
        server: &Server,
        before: &BTreeSet<SocketAddr>,
        floor: usize,
    ) -> Result<(), String> {
        let (history, after) = (&server.history, endpoints(self.state()));
        let moments = floor.max(self.since.1)..history.len();
        let was_ready = |addr: &&SocketAddr| {
            let mut truths = moments.clone().map(|moment| history.truth(&self.target, moment));
            truths.all(|truth| endpoints(Some(&truth)).contains(*addr))
        };
        match before.difference(&after).find(was_ready) {
            Some(addr) => Err(format!("{addr} is gone, which was ready all the time")),
            None => Ok(()),
        }
    }

    /// The first moment not before the last one at which what is held was true.
    fn find(&self, server: &Server, floor: usize) -> Option<usize> {
        let (history, state) = (&server.history, self.stream.state()?);
        (floor.max(self.since.1)..history.len())
            .find(|moment| *history.truth(&self.target, *moment) == *state)
    }

    /// Says that there is no such moment.
    fn never(&self, server: &Server, floor: usize) -> String {
        let (history, from) = (&server.history, floor.max(self.since.1));
        let is_held = |moment: &usize| Some(&*history.truth(&self.target, *moment)) == self.state();
        let earlier = (0..from).rev().find(is_held);
        let newest = history.truth(&self.target, history.len() - 1);
        format!(
            "not true at any of the moments {from}..{} (earlier: {earlier:?}): {:#?}\nnow it is {newest:#?}",
            history.len(),
            self.state(),
        )
    }

    /// Checks that somebody who has read everything is current.
    ///
    /// # Errors
    /// If not.
    pub(super) fn check_current(&mut self, server: &Server) -> Result<(), String> {
        let Some(floor) = server.history.floor(&self.target) else { return Ok(()) };
        if self.is_new {
            return Err("no first message".to_owned());
        }
        if self.added == Some(None) || !self.rest.is_empty() {
            return Err("a part of an answer, and no more of it comes".to_owned());
        }
        match self.find(server, floor) {
            Some(_) => Ok(()),
            None => Err(format!("read everything and is behind: {}", self.never(server, floor))),
        }
    }
}

fn endpoints(state: Option<&State>) -> BTreeSet<SocketAddr> {
    match state {
        Some(State::Endpoints { known, .. }) => known.keys().copied().collect(),
        _ => BTreeSet::new(),
    }
}

/// Takes a message with its prefix from the front, once all of it is there.
fn whole_message(bytes: &mut Vec<u8>) -> Result<Option<Bytes>, String> {
    let Some([compressed, length @ ..]) = bytes.first_chunk::<5>() else { return Ok(None) };
    if *compressed != 0 {
        return Err(format!("a prefix that begins with {compressed}"));
    }
    let end = 5 + u32::from_be_bytes(*length) as usize;
    Ok((bytes.len() >= end).then(|| bytes.drain(..end).collect::<Vec<_>>().into()))
}
