//! Reading the one message of a request.
//!
//! By hand, where tonic would do it, for two reasons: what many clients may make us hold at once has to be bounded,
//! also while their messages come slowly; and a decoder of eight kilobytes for each of the two hundred bytes that
//! every proxy sends when it reconnects is what a storm is made of.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use http::{Request, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use prost::Message;
use tokio::{
    sync::Semaphore,
    time::{Duration, timeout},
};
use tonic::{Status, body::Body};

use super::limits::Limit;
use crate::{metrics::Metrics, pb::destination::GetDestination, wire::PREFIX};

/// What is taken of a request.
#[derive(Clone, Copy, Debug)]
pub struct Requests {
    /// Size of the message in bytes.
    pub max_bytes: usize,
    /// How long the message may take after its headers.
    pub time: Duration,
}

/// How the content type of every gRPC request begins.
const GRPC: &[u8] = b"application/grpc";

/// A message of more bytes is a large one. An authority has at most 300, and tokens a few hundred.
const LARGE: usize = 1024;
/// How many large messages are read at once, over all clients: with the default size of a message that is 64 MB.
const LARGE_AT_ONCE: usize = 32;

/// Reads requests. Cloning shares the bounds.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    requests: Requests,
    large: Arc<Semaphore>,
    metrics: Metrics,
}

impl Reader {
    pub(super) fn new(requests: Requests, metrics: Metrics) -> Self {
        Self { requests, large: Arc::new(Semaphore::new(LARGE_AT_ONCE)), metrics }
    }

    /// The message of a request.
    ///
    /// # Errors
    /// What is wrong with it, as it is told to the client.
    pub(super) async fn read(&self, request: Request<Body>) -> Result<GetDestination, Status> {
        let time = self.requests.time;
        timeout(time, self.message(request)).await.unwrap_or_else(|_| {
            Limit::RequestTime.hit(&self.metrics);
            let message = format!(
                "the request's message did not come within {time:?} (--request-timeout); send it \
                 right after the headers"
            );
            Err(Status::deadline_exceeded(message))
        })
    }

    async fn message(&self, request: Request<Body>) -> Result<GetDestination, Status> {
        let is_encoded = request.headers().contains_key("grpc-encoding");
        let is_grpc =
            request.headers().get(CONTENT_TYPE).is_none_or(|value| value.as_bytes().starts_with(GRPC));
        // The headers are not kept while the message comes.
        let mut body = request.into_body();
        let mut bytes = Bytes::new();
        while bytes.len() < PREFIX {
            bytes = joined(bytes, next(&mut body).await?);
        }
        let mut prefix = bytes.split_to(PREFIX);
        match (prefix.get_u8(), is_encoded) {
            (0, _) => {}
            (1, true) => {
                return Err(Status::unimplemented(
                    "the request's message is compressed; send it uncompressed (grpc-encoding: identity)",
                ));
            }
            (1, false) => {
                return Err(Status::internal(
                    "the request's message is compressed, but no grpc-encoding says how; send it uncompressed",
                ));
            }
            (_, _) if !is_grpc => {
                return Err(Status::internal(
                    "the request's body is no gRPC message, and its content-type is not application/grpc; use a gRPC \
                     client",
                ));
            }
            (flag, _) => {
                return Err(Status::internal(format!(
                    "the request's message begins with the byte {flag}; it has to be 0, before four bytes of length and \
                     an io.linkerd.proxy.destination.GetDestination"
                )));
            }
        }
        let length = prefix.get_u32() as usize;
        let max = self.requests.max_bytes;
        if length > max {
            let message = format!(
                "the request's message has {length} bytes, at most {max} are allowed (--max-request-bytes); send a shorter path or \
                 context token"
            );
            return Err(self.over(message));
        }
        let _place = if length > LARGE {
            let busy =
                |_| self.over("too many large requests at once; send a smaller one, or try again".to_owned());
            Some(self.large.try_acquire().map_err(busy)?)
        } else {
            None
        };
        while bytes.len() < length {
            bytes = joined(bytes, next(&mut body).await?);
        }
        bytes.truncate(length);
        let garbled = |error| {
            Status::internal(format!(
                "the request's message is no io.linkerd.proxy.destination.GetDestination in protobuf: {error}"
            ))
        };
        GetDestination::decode(bytes).map_err(garbled)
    }

    fn over(&self, message: String) -> Status {
        Limit::RequestBytes.hit(&self.metrics);
        Status::resource_exhausted(message)
    }
}

/// The next piece of a body that must go on.
async fn next(body: &mut Body) -> Result<Bytes, Status> {
    match body.frame().await {
        Some(frame) => Ok(frame?.into_data().unwrap_or_default()),
        None => Err(Status::internal(
            "the request ends before its message does; send one \
             io.linkerd.proxy.destination.GetDestination behind its prefix of five bytes",
        )),
    }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    let mut all = first.try_into_mut().unwrap_or_else(|first| BytesMut::from(&*first));
    all.extend_from_slice(&second);
    all.freeze()
}

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tonic::Code;

    use super::*;

    const REQUESTS: Requests = Requests { max_bytes: 100_000, time: Duration::from_secs(10) };

    fn framed(message: &GetDestination) -> Vec<u8> {
        let message = message.encode_to_vec();
        let length = u32::try_from(message.len()).expect("small").to_be_bytes();
        [&[0], &length[..], &message].concat()
    }

    fn request(token: usize) -> GetDestination {
        let path = "web.d.svc.cluster.local:80".to_owned();
        GetDestination { scheme: String::new(), path, context_token: "x".repeat(token) }
    }

    /// A body that comes in these pieces, and then ends or stalls.
    fn body(pieces: Vec<Vec<u8>>, ends: bool) -> Body {
        use futures::{StreamExt, stream};
        let pieces = stream::iter(pieces).map(|piece| Ok::<_, Status>(Frame::data(Bytes::from(piece))));
        if ends {
            Body::new(StreamBody::new(pieces))
        } else {
            Body::new(StreamBody::new(pieces.chain(stream::pending())))
        }
    }

    async fn read(reader: &Reader, pieces: Vec<Vec<u8>>, ends: bool) -> Result<GetDestination, Code> {
        reader.read(Request::new(body(pieces, ends))).await.map_err(|status| status.code())
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_read_in_whatever_pieces_it_comes() {
        let reader = Reader::new(REQUESTS, Metrics::default());
        for token in [0, 10, 50_000] {
            let (message, bytes) = (request(token), framed(&request(token)));
            for size in [1, 3, 5, 6, 1000, bytes.len()] {
                let pieces = bytes.chunks(size).map(<[u8]>::to_vec).collect();
                assert_eq!(read(&reader, pieces, false).await.as_ref(), Ok(&message), "{token} in {size}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_message_is_refused() {
        let reader = Reader::new(REQUESTS, Metrics::default());
        let whole = framed(&request(0));
        for (what, pieces, ends, expect) in [
            ("nothing", vec![], true, Code::Internal),
            ("half a prefix", vec![vec![0, 0]], true, Code::Internal),
            ("half a message", vec![whole[..20].to_vec()], true, Code::Internal),
            ("no protobuf", vec![vec![0, 0, 0, 0, 1, 0xff]], true, Code::Internal),
            ("compressed in an unknown way", vec![vec![1, 0, 0, 0, 0]], true, Code::Internal),
            ("four gigabytes", vec![vec![0, 255, 255, 255, 255]], false, Code::ResourceExhausted),
            ("silence", vec![], false, Code::DeadlineExceeded),
            ("a message that stalls", vec![whole[..20].to_vec()], false, Code::DeadlineExceeded),
        ] {
            assert_eq!(read(&reader, pieces, ends).await, Err(expect), "{what}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_large_ones_are_held_at_once() {
        let reader = Reader::new(REQUESTS, Metrics::default());
        let large = framed(&request(50_000));
        let stalled = (0..LARGE_AT_ONCE).map(|_| {
            let (reader, start) = (reader.clone(), large[..1000].to_vec());
            tokio::spawn(async move { read(&reader, vec![start], false).await })
        });
        let stalled: Vec<_> = stalled.collect();
        tokio::task::yield_now().await;

        assert_eq!(read(&reader, vec![large.clone()], true).await, Err(Code::ResourceExhausted));
        assert_eq!(
            read(&reader, vec![framed(&request(10))], true).await,
            Ok(request(10)),
            "small ones go on"
        );
        for stalled in stalled {
            assert_eq!(stalled.await.expect("no panic"), Err(Code::DeadlineExceeded));
        }
        assert_eq!(read(&reader, vec![large], true).await, Ok(request(50_000)));
    }
}
