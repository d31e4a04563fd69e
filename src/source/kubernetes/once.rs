//! A cluster read once: followed until every kind was listed, and then left alone.
//!
//! So a list that breaks off, an API server that is busy, or a kind that is not defined is dealt with as a server
//! deals with it; only there is an end to the patience.

use std::{collections::BTreeSet, future::pending, sync::Arc};

use tokio::{
    sync::mpsc,
    time::{Duration, timeout},
};

use super::Kubernetes;
use crate::{
    model::Kind,
    source::{Batch, Event, Report},
};

/// Batches that may wait to be taken; a follower has one kind to say at the beginning.
const WAITING: usize = Kind::ALL.len();

/// Why a cluster could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "the cluster at {url} could not be read within {limit:?}: {why}; give it more time with --timeout 2m"
)]
pub struct NotRead {
    /// Where the API server is.
    pub url: String,
    /// How long it was tried.
    pub limit: Duration,
    /// What is missing, and what is known about why.
    pub why: String,
}

impl Kubernetes {
    /// Reads all there is, of every kind. The batches, taken one after the other, are a state of the cluster.
    ///
    /// # Errors
    /// [`NotRead`] if that takes longer than `limit`, with what is missing.
    pub async fn read_once(self, limit: Duration) -> Result<Vec<Batch>, NotRead> {
        let url = self.url.clone();
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let mut read = Listing::default();
        let reading = async {
            while !read.missing.is_empty() {
                let Some(batch) = receiver.recv().await else { return pending().await };
                read.take(batch);
            }
        };
        // Whoever follows is done when it is dropped.
        let ended = timeout(limit, async {
            tokio::select! {
                () = reading => None,
                why = self.follow(sender) => Some(why),
            }
        });
        match ended.await {
            Ok(None) => Ok(read.batches),
            Ok(Some(why)) => Err(NotRead { url, limit, why }),
            Err(_) => Err(NotRead { url, limit, why: read.why() }),
        }
    }
}

/// What was read so far.
struct Listing {
    batches: Vec<Batch>,
    missing: BTreeSet<Kind>,
    report: Arc<Report>,
}

impl Default for Listing {
    fn default() -> Self {
        Self { batches: Vec::new(), missing: Kind::ALL.into(), report: Arc::default() }
    }
}

impl Listing {
    fn take(&mut self, batch: Batch) {
        for event in &batch.events {
            if let Event::Replace(kind, _) | Event::ReplaceExcept(kind, ..) = event {
                self.missing.remove(kind);
            }
        }
        if let Some(report) = &batch.report {
            self.report = report.clone();
        }
        self.batches.push(batch);
    }

    /// What is missing, and what is known about why.
    fn why(&self) -> String {
        let known = self.report.findings.iter().map(|finding| finding.message.as_str());
        let known: Vec<_> =
            known.filter(|said| self.missing.iter().any(|k| said.starts_with(k.as_str()))).collect();
        if !known.is_empty() {
            return known.join("; ");
        }
        let kinds: Vec<_> = self.missing.iter().map(|kind| kind.as_str()).collect();
        format!("nothing came of {}", kinds.join(", "))
    }
}
