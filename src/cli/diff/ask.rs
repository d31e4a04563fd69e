//! What one server answers, on a connection of its own.

use std::{future::Future, time::Duration};

use futures::future::try_join;
use tokio::time::timeout;
use tonic::{Status, Streaming};

use crate::{
    cli::{DiffArgs, exit::Failure},
    client::{Client, ClientTls, Endpoints, HostPort, StreamError},
    pb::destination::{DestinationProfile, WeightedDst},
};

/// The first answers of a server. Equal ones say the same, whatever the order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answers {
    /// `None` for an IP, which only has a profile.
    pub(super) endpoints: Option<Endpoints>,
    /// With its overrides in order.
    pub(super) profile: DestinationProfile,
}

impl Answers {
    pub(super) fn new(endpoints: Option<Endpoints>, mut profile: DestinationProfile) -> Self {
        let key = |dst: &WeightedDst| (dst.authority.clone(), dst.weight);
        profile.dst_overrides.sort_by_key(key);
        Self { endpoints, profile }
    }
}

/// Asks a server for the first answers.
pub(super) async fn ask(
    args: &DiffArgs,
    addr: &HostPort,
    tls: Option<&ClientTls>,
) -> Result<Answers, Failure> {
    let limit = if args.timeout.is_zero() { Duration::MAX } else { args.timeout };
    match timeout(limit, ask_in_time(args, addr, tls, limit)).await {
        Ok(answers) => answers,
        Err(_) => Err(Failure::Silent { addr: addr.clone(), timeout: limit }),
    }
}

async fn ask_in_time(
    args: &DiffArgs,
    addr: &HostPort,
    tls: Option<&ClientTls>,
    limit: Duration,
) -> Result<Answers, Failure> {
    let client = Client::connect_with(addr, tls, limit).await.map_err(Failure::connecting)?;
    let (authority, token) = (args.target.authority(), args.asker.token());
    let authority = authority.as_str();
    let endpoints = async {
        if args.target.is_ip() {
            return Ok(None);
        }
        let mut endpoints = Endpoints::new();
        endpoints.fold(first(client.get(authority, token)).await?);
        Ok(Some(endpoints))
    };
    match try_join(endpoints, first(client.get_profile(authority, token))).await {
        Ok((endpoints, profile)) => Ok(Answers::new(endpoints, profile)),
        Err(error) => {
            let failure = match client.fault() {
                Some(fault) => Failure::Tls { addr: addr.clone(), fault },
                None => Failure::before_first(addr.clone(), error),
            };
            Err(failure.of_port().await)
        }
    }
}

/// The first message of a stream.
async fn first<M>(open: impl Future<Output = Result<Streaming<M>, Status>>) -> Result<M, StreamError> {
    let mut stream = open.await?;
    stream.message().await?.ok_or(StreamError::Ended)
}
