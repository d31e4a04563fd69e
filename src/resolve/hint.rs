//! The likely mistake in a question whose answer has no endpoints: a port that the Service does not define, or a
//! misspelled name.
//!
//! The messages of the API have no field for it. A hint names at most the Service that was asked for, or one Service of
//! the same namespace.

use super::{Client, Look, Options, Pools, Query, address::Tenant};
use crate::{
    cluster::Cluster,
    model::{NsName, Service, ServiceKind},
};

/// Returns the mistake and what would be right, as a sentence without a full stop; `None` if the Service and the port
/// exist, or if a Service of no similar name does.
#[must_use]
pub fn hint(cluster: &Cluster, options: &Options, query: &Query) -> Option<String> {
    let (client, mut pools) = (Client::default(), Pools::default());
    let mut look = Look::new(cluster, options, &client, &mut pools);
    match query {
        Query::Endpoints { service, instance, port, .. }
        | Query::ServiceProfile { service, instance: instance @ Some(_), port } => {
            let Some(found) = look.service(service) else { return misspelled(&mut look, service) };
            let is_unpublished = look.is_unpublished(found, instance.as_ref(), *port);
            is_unpublished.then(|| found.lacks_port(*port)).flatten()
        }
        Query::ServiceProfile { service, instance: None, port } => match look.service(service) {
            Some(found) => of_profile(found, *port),
            None => misspelled(&mut look, service),
        },
        Query::AddressProfile { ip, port } => match look.tenant(ip.to_canonical(), *port) {
            Tenant::Service(name) => look.service(name).and_then(|found| of_profile(found, *port)),
            _ => None,
        },
    }
}

/// An ExternalName Service has the empty profile on every port.
fn of_profile(service: &Service, port: u16) -> Option<String> {
    let has_profile = !matches!(service.kind, ServiceKind::ExternalName(_));
    has_profile.then(|| service.lacks_port(port)).flatten()
}

fn misspelled(look: &mut Look<'_>, service: &NsName) -> Option<String> {
    let similar = look.similar(service)?;
    Some(format!("there is no Service {service}; did you mean {similar}?"))
}
