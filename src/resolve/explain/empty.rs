//! Why a client gets no endpoints of a Service that exists.

use super::{Explaining, Serving, count};
use crate::{
    model::{Name, Service},
    resolve::Look,
};

impl<'a> Explaining<'a> {
    /// The first reason why none of a Service's endpoints is for this client: there is none for any client, or `serving`
    /// has those that are for others.
    pub(super) fn why_empty(
        &self,
        look: &mut Look<'a>,
        service: &'a Service,
        instance: Option<&Name>,
        serving: Option<&Serving>,
    ) -> String {
        let port = self.port();
        if let Some(instance) = instance {
            return self.why_no_instance(look, service, instance, serving);
        }
        if let Some(reason) = look.no_endpoints_on(service, port) {
            return format!("Service {} has no ready endpoint on port {port}: {}", service.name, reason.why);
        }
        let Some(serving) = serving else { return String::new() };
        let filters = serving.filters.iter().filter(|filter| filter.applies && filter.name != "family");
        let filters: Vec<_> = filters.map(|filter| filter.why.as_str()).collect();
        format!(
            "Service {} has {} ready, but none for this client: {}",
            service.name,
            count(serving.ready, "endpoint"),
            filters.join("; ")
        )
    }

    fn why_no_instance(
        &self,
        look: &mut Look<'a>,
        service: &Service,
        instance: &Name,
        serving: Option<&Serving>,
    ) -> String {
        if look.instance(&service.name, instance, self.port()).is_none() {
            return format!("no endpoint of {} has the host name {instance}", service.name);
        }
        let left_out = serving.into_iter().flat_map(|serving| &serving.left_out.items);
        let mut named = left_out.filter(|endpoint| endpoint.hostname.as_deref() == Some(instance.as_str()));
        match named.next() {
            Some(endpoint) => {
                format!("the endpoint with the host name {instance} is left out: {}", endpoint.why)
            }
            None => format!("the endpoint with the host name {instance} is left out"),
        }
    }
}
