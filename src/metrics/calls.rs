//! What every gRPC server counts of its calls, under the names that go-grpc-prometheus has given these metrics and that
//! dashboards of Linkerd ask for.
//!
//! Only calls of the Destination service are counted: its methods are two, while health and reflection are asked under
//! whatever path a client makes up.

use std::sync::Arc;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::counter::Counter,
    registry::{Registry, Unit},
};
use tonic::{Code, server::NamedService};

use super::{Histogram, series::Series};
use crate::grpc::{destination::Destination, method::Method};

/// How long a call took, in seconds: a stream lasts as long as a proxy wants to know.
const HANDLING: [f64; 4] = [0.1, 1.0, 300.0, 3600.0];

/// Every code of gRPC by its number, as it is spelled in these metrics.
const CODES: [&str; 17] = [
    "OK",
    "Canceled",
    "Unknown",
    "InvalidArgument",
    "DeadlineExceeded",
    "NotFound",
    "AlreadyExists",
    "PermissionDenied",
    "ResourceExhausted",
    "FailedPrecondition",
    "Aborted",
    "OutOfRange",
    "Unimplemented",
    "Internal",
    "Unavailable",
    "DataLoss",
    "Unauthenticated",
];

/// Which method, as such a server says it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfMethod {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
}

/// The same, and how its calls ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCode {
    grpc_type: &'static str,
    grpc_service: &'static str,
    grpc_method: &'static str,
    grpc_code: &'static str,
}

impl OfMethod {
    fn new(method: Method) -> Self {
        Self { grpc_type: "server_stream", grpc_service: Destination::NAME, grpc_method: method.name() }
    }

    fn with(&self, grpc_code: &'static str) -> OfCode {
        let Self { grpc_type, grpc_service, grpc_method } = *self;
        OfCode { grpc_type, grpc_service, grpc_method, grpc_code }
    }
}

/// What is counted of the calls of one method. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Calls {
    /// Calls that began.
    pub started: Counter,
    /// Messages of clients that were read: the request of each call.
    pub received: Counter,
    handled: Arc<[Counter]>,
    handling: Histogram,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            started: Counter::default(),
            received: Counter::default(),
            handled: CODES.iter().map(|_| Counter::default()).collect(),
            handling: Histogram::with_bounds(&HANDLING),
        }
    }
}

impl Calls {
    /// A call has ended with this code after so long.
    pub fn handled(&self, code: Code, time: tokio::time::Duration) {
        self.handled[code as usize].inc();
        self.handling.observe(time, 1);
    }
}

/// Registers the calls of each method, in the order of [`Method::ALL`], and the messages that were sent in them.
pub(super) fn register(registry: &mut Registry, calls: &[Calls; 2], sent: &[Counter; 2]) {
    let each = || Method::ALL.into_iter().map(OfMethod::new).zip(calls);
    let counters = |of: fn(&Calls) -> &Counter| -> Series<_, _> {
        each().map(|(labels, calls)| (labels, of(calls).clone())).collect()
    };
    registry.register("grpc_server_started", "Calls that began, by method", counters(|calls| &calls.started));
    registry.register(
        "grpc_server_msg_received",
        "Messages of clients that were read, by method",
        counters(|calls| &calls.received),
    );
    let sent: Series<_, _> = Method::ALL.into_iter().map(OfMethod::new).zip(sent.iter().cloned()).collect();
    registry.register("grpc_server_msg_sent", "Messages handed to streams, by method", sent);
    let handled: Series<_, _> = each()
        .flat_map(|(labels, calls)| {
            let of_code =
                move |(code, counter): (&&'static str, &Counter)| (labels.with(code), counter.clone());
            CODES.iter().zip(calls.handled.iter()).map(of_code)
        })
        .collect();
    registry.register("grpc_server_handled", "Calls that ended, by method and code", handled);
    let handling: Series<_, _> = each().map(|(labels, calls)| (labels, calls.handling.clone())).collect();
    registry.register_with_unit(
        "grpc_server_handling",
        "How long calls lasted that have ended, by method",
        Unit::Seconds,
        handling,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_counted_under_its_own_name() {
        for (number, name) in CODES.iter().enumerate() {
            let code = Code::from_i32(i32::try_from(number).expect("small"));
            let same = match code {
                Code::Ok => *name == "OK",
                // Spelled with one l where the metrics come from, with two in this library.
                Code::Cancelled => *name == "Canceled",
                code => *name == format!("{code:?}"),
            };
            assert!(same, "{number} is {code:?}, not {name}");
        }
    }
}
