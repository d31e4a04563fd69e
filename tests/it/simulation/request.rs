//! A question as a client puts it: the authority and the token of a gRPC request.

use std::{
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::Request;
use http_body::Frame;
use prost::Message;
use switchyard::{
    context::Reading,
    grpc::destination::Destination,
    model::{Name, NsName},
    pb::destination::GetDestination,
    resolve::{Query, Target},
};
use tonic::{Status, body::Body};
use tower::Service;

use super::line::Call;
use crate::laws::alphabet::DOMAIN;

/// Puts it to the service itself.
pub(super) fn call(mut destination: Destination, target: &Target) -> Call {
    destination.call(head(target).map(|()| Body::new(Once(Some(message(target))))))
}

/// The request without its message.
pub(super) fn head(target: &Target) -> Request<()> {
    let method = match &target.query {
        Query::Endpoints { .. } => "Get",
        Query::ServiceProfile { .. } | Query::AddressProfile { .. } => "GetProfile",
    };
    Request::post(format!("http://simulated/io.linkerd.proxy.destination.Destination/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .expect("a valid request")
}

/// Its message with the prefix of gRPC.
pub(super) fn message(target: &Target) -> Bytes {
    let message = GetDestination {
        scheme: String::new(),
        path: authority(&target.query),
        context_token: token(target),
    };
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.encoded_len()).expect("short"));
    message.encode(&mut framed).expect("it grows");
    framed.freeze()
}

fn authority(query: &Query) -> String {
    let host = |service: &NsName, instance: &Option<Name>| {
        let instance = instance.as_ref().map_or_else(String::new, |instance| format!("{instance}."));
        format!("{instance}{}.{}.svc.{DOMAIN}", service.name, service.namespace)
    };
    match query {
        Query::Endpoints { service, instance, port, .. }
        | Query::ServiceProfile { service, instance, port } => {
            format!("{}:{port}", host(service, instance))
        }
        Query::AddressProfile { ip, port } => SocketAddr::new(*ip, *port).to_string(),
    }
}

fn token(target: &Target) -> String {
    let (node, namespace) = (&target.client.node, &target.client.namespace);
    let member = |key: &str, value: &Option<Name>| {
        value.as_ref().map_or_else(String::new, |value| format!(r#","{key}":"{value}""#))
    };
    let reading = match &target.query {
        Query::Endpoints { reading: Reading::Merged, .. } => "merged",
        Query::Endpoints { .. } | Query::ServiceProfile { .. } | Query::AddressProfile { .. } => "leaf",
    };
    format!(r#"{{"split":"{reading}"{}{}}}"#, member("nodeName", node), member("ns", namespace))
}

/// A body of one piece.
struct Once(Option<Bytes>);

impl http_body::Body for Once {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.get_mut().0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}
